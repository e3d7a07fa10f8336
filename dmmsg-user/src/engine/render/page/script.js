
"use strict";
(() => {
  const everyMs = 2000;
  const note = document.getElementById("live");
  const refresh = async () => {
    try {
      // Whoever reads or copies a part should not have it taken away.
      if (!document.hidden && getSelection().isCollapsed) {
        const options = { cache: "no-store", signal: AbortSignal.timeout(5000) };
        const answer = await fetch("/", options);
        if (!answer.ok) throw new Error(answer.statusText);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
        note.textContent = "refreshed every 2 s";
        document.body.className = "";
      }
    } catch {
      note.textContent = "no answer from dmmsg-exporter: these numbers are old";
      document.body.className = "old";
    }
    setTimeout(refresh, everyMs);
  };
  note.textContent = "refreshed every 2 s";
  setTimeout(refresh, everyMs);
})();
