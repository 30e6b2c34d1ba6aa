// A place on which a file is dropped, or for which one is chosen.
import { find } from "./words.js";

// take(name, body) is called with the file; elsewhere on the page a dropped file does nothing, so that no browser opens it.
export function takeFiles(take) {
  const drop = find("drop"), input = find("file");
  let inside = 0; // a drag enters each element within, too
  for (const [kind, step] of [["dragenter", 1], ["dragleave", -1]]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); inside += step; drop.classList.toggle("over", inside > 0); });
  }
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    drop.classList.remove("over");
    const [dropped] = event.dataTransfer.files;
    if (dropped && !find("give").hidden) take(dropped.name, dropped);
  });
  input.addEventListener("change", () => {
    const [chosen] = input.files;
    if (chosen) take(chosen.name, chosen);
  });
}

export function inBytes(bytes) {
  if (bytes < 1 << 20) return `${Math.ceil(bytes / 1024)} kB`;
  return `${(bytes / (1 << 20)).toFixed(bytes < 10 << 20 ? 1 : 0)} MB`;
}
