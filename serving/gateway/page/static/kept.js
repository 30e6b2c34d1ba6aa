// The lists that are kept on the server.
import * as server from "./server.js";
import { count, element, find } from "./words.js";

// wanted: says whether the page still shows where people begin, once the answer is there.
export async function showKept(open, wanted) {
  const { kept } = await server.kept();
  if (!wanted()) return;
  find("kept").hidden = !kept.length;
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  find("kept").querySelector("tbody").replaceChildren(...kept.map((list) => {
    const opener = element("button", { type: "button", onclick: () => open(list.id) }, "Open");
    const remover = element("button", { type: "button", onclick: async () => { remover.disabled = true; await server.remove(list.id).catch(() => {}); await showKept(open, wanted).catch(() => {}); } }, "Delete");
    opener.setAttribute("aria-label", `Open ${list.name}`);
    remover.setAttribute("aria-label", `Delete ${list.name}`);
    const cell = (label, text, className = "") => Object.assign(element("td", { className, "data-label": label }, element("span", {}, text)));
    return element("tr", {},
      element("th", { scope: "row", "data-label": "File" }, element("span", {}, list.name)),
      cell("Customers", count(list.customers), "number"), cell("Scored by", `version ${list.version}`),
      cell("Kept", day.format(new Date(1000 * list.kept_at))),
      element("td", { className: "buttons" }, opener, remover));
  }));
}
