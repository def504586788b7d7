// Lights what belongs to an agent, a service, or a way, and dims the rest. A click keeps it so.
(() => {
  const svg = document.querySelector("svg");
  let kept = null;
  const all = (selector) => document.querySelectorAll(selector);
  const clear = () => { svg.classList.remove("chosen"); all(".lit").forEach((one) => one.classList.remove("lit")); };
  const light = (selector) => all(selector).forEach((one) => one.classList.add("lit"));
  const agent = (id) => light(`g[data-agent="${id}"]`);
  const service = (id) => light(`g[data-service="${id}"], path.trunk[data-s="${id}"]`);
  const show = (thing) => {
    clear();
    if (!thing) return;
    svg.classList.add("chosen");
    const { agent: id, service: used, way } = thing.dataset;
    if (way !== undefined) {
      const ids = way.split(" ");
      ids.forEach(agent);
      ids.slice(1).forEach((to, place) => light(`path[data-a="${ids[place]}"][data-b="${to}"]`));
      const last = ids[ids.length - 1];
      light(`path.use.red[data-a="${last}"]`);
      all(`path.use.red[data-a="${last}"]`).forEach((path) => service(path.dataset.s));
      thing.classList.add("lit");
    } else if (id !== undefined) {
      agent(id);
      all(`path[data-a="${id}"], path[data-b="${id}"]`).forEach((path) => {
        path.classList.add("lit");
        if (path.dataset.s !== undefined) service(path.dataset.s);
        if (path.dataset.b !== undefined) { agent(path.dataset.a); agent(path.dataset.b); }
      });
    } else {
      service(used);
      all(`path.use[data-s="${used}"]`).forEach((path) => { path.classList.add("lit"); agent(path.dataset.a); });
    }
  };
  all("g[tabindex], tr.way").forEach((thing) => {
    thing.addEventListener("mouseenter", () => kept || show(thing));
    thing.addEventListener("mouseleave", () => kept || show(null));
    const choose = () => { kept = kept === thing ? null : thing; show(kept); };
    thing.addEventListener("click", choose);
    thing.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(); });
  });
})();
