// The list: its rows with their reasons, page by page.
import { count, element, find } from "./words.js";

export const ROWS_OF_A_PAGE = 25;
const MOST_NAMES = 2;
const GROUPS = { explored: "explored: drawn by lot", control: "control: leave alone" };

// The columns that are no inputs say who a customer is; her inputs stand together in one cell.
export function showRows({ header, rows: shown }, facts) {
  const inputs = new Set(Object.values(facts.inputs));
  const names = header.map((_, place) => place).filter((place) => !inputs.has(place)).slice(0, MOST_NAMES);
  const features = header.map((_, place) => place).filter((place) => inputs.has(place));
  const heads = ["Rank", ...names.map((place) => header[place] || "–"), "Customer", "Probability", "Speaks for", "Speaks against"];
  find("rows").querySelector("thead tr").replaceChildren(
    ...heads.map((text) => element("th", { scope: "col", className: ["Rank", "Probability"].includes(text) ? "number" : "" }, text)));
  find("rows").querySelector("tbody").replaceChildren(...shown.map((row) => element("tr", {},
    ...cells(row, header, names, features, facts).map((cell, place) => { cell.dataset.label = heads[place]; return cell; }))));
  return shown;
}

function cells(row, header, names, features, facts) {
  const given = (place) => row.cells[place].trim() || "–";
  const customer = element("td", { className: "customer" }, element("span", {}, ...features.map((place) => element("span", { className: "pair" }, element("small", {}, header[place]), ` ${given(place)}`)).flatMap((pair) => [pair, " "])));
  if (row.unlike) {
    customer.append(" ", element("span", { className: "badge warning" }, `unlike training (${row.unlike.toFixed(1)} bits)`));
  }
  if (row.group) customer.append(" ", element("span", { className: `badge ${row.group}` }, GROUPS[row.group]));
  const meter = element("meter", { min: 0, max: 1, value: row.probability, "aria-hidden": "true" });
  return [
    element("th", { scope: "row", className: "number" }, count(row.rank)),
    ...names.map((place) => element("td", { className: "name" }, element("span", {}, given(place)))),
    customer,
    element("td", { className: "number probability" }, element("span", {}, row.probability.toFixed(3), meter)),
    ...reasons(row, facts),
  ];
}

function reasons(row, facts) {
  if (row.reasons) return row.reasons.map((text) => element("td", { className: "reasons" }, element("span", {}, text || "–")));
  const words = row.place > facts.most_explained ? `only the best ${count(facts.most_explained)} have reasons` : facts.why_not ? "not known" : "…";
  return [words, ""].map((text) => element("td", { className: "reasons muted" }, element("span", {}, text)));
}

export function showRange(first, shown, most) {
  find("range").textContent = shown ? `${count(first)} to ${count(first + shown - 1)} of ${count(most)}` : "Nobody";
  find("before").disabled = first <= 1;
  find("after").disabled = first + ROWS_OF_A_PAGE > most;
}

export function showExplaining(state, most) {
  const { facts } = state;
  let text = "";
  if (facts.why_not) text = facts.why_not;
  else if (state.state === "explaining") text = `Reasons are being found: ${count(state.done)} of ${count(state.of)} customers.`;
  else if (most > facts.most_explained) text = `Reasons are given for the best ${count(facts.most_explained)} customers, here and in the file.`;
  find("explaining").textContent = text;
}
