"use strict";
// What the diagnosis says, in words; a click leads to the row and the step.

function drawFindings(container, run, show) {
  const alarms = run.findings.filter((one) => one.severity === "alarm");
  const notes = run.findings.filter((one) => one.severity !== "alarm");
  const cards = [...alarms, ...notes].map((one) => findingCard(one, run, show));
  if (!cards.length) cards.push(make("p", "quiet", nothingFound(run)));
  container.replaceChildren(...cards);
}

function nothingFound(run) {
  if (!run.statistics.length) return "Without numbers of its variables there are no findings of this run.";
  return "No rule of the diagnosis sees a fault in this run.";
}

function findingCard(finding, run, show) {
  const card = make("article", `finding ${finding.severity}`);
  const button = make("button", "place", headline(finding));
  button.type = "button";
  button.addEventListener("click", () => show(finding));
  card.append(make("span", "badge", finding.severity), button, make("p", "", finding.evidence));
  const more = make("details", "", [make("summary", "", "What to try")]);
  more.append(make("p", "", finding.advice));
  card.append(more);
  if (finding.consequences.length) card.append(consequences(finding, show));
  return card;
}

function headline(finding) {
  const step = `since step ${commas(finding.step)}`;
  const place = finding.layer === null ? make("b", "", "The network as a whole") : make("code", "", cut(finding.layer));
  return [place, `: ${finding.title} ${step}`];
}

const MOST_CONSEQUENCES = 12;

function consequences(finding, show) {
  const number = finding.consequences.length;
  const details = make("details", "", [make("summary", "", `What follows from it (${number})`)]);
  const list = make("ul");
  for (const one of finding.consequences.slice(0, MOST_CONSEQUENCES)) {
    const button = make("button", "place", headline(one));
    button.type = "button";
    button.addEventListener("click", () => show(one));
    list.append(make("li", "", button));
  }
  if (number > MOST_CONSEQUENCES) list.append(make("li", "", `and ${number - MOST_CONSEQUENCES} more`));
  details.append(list);
  return details;
}
