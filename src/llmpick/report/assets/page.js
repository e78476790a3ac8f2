// Draws each chart of the page's data into the element of the same id.
(() => {
  const specs = JSON.parse(document.getElementById("chart-data").textContent);
  const options = { renderer: "svg", actions: false, ast: true, tooltip: { theme: "custom" } };
  for (const [id, spec] of Object.entries(specs)) {
    vegaEmbed(document.getElementById(`chart-${id}`), spec, options).catch((error) => console.error(id, error));
  }
})();
