// TensorBoard imports this module into an empty frame. The page is a document of its own.
export function render() {
  location.replace(new URL("index.html", import.meta.url));
}
