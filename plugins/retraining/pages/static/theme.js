// Airflow keeps its colour mode in the local storage of this origin; without one the system's is followed.
"use strict";
(() => {
  const follow = () => {
    let mode = null;
    try { mode = localStorage.getItem("theme"); } catch { /* storage may be switched off */ }
    if (mode === "dark" || mode === "light") document.documentElement.dataset.theme = mode;
    else delete document.documentElement.dataset.theme;
  };
  follow();
  addEventListener("storage", (event) => { if (event.key === "theme" || event.key === null) follow(); });
})();
