// The file: how far it is, what was seen in it, how like the training data it is.
import { count, element, find, percent, several, tell } from "./words.js";

const WORDS = {
  waiting: () => "Waiting for its turn: other files are in work …",
  sending: () => "Sending the file …",
  reading: ({ done }) => (done ? `Reading: ${several(done, "row", "rows")} so far …` : "Reading the file …"),
  scoring: ({ done, of }, left) => `Scored ${count(done)} of ${several(of, "customer", "customers")}${left}`,
};

let began = null; // when the customers of a file began to be scored

export function showProgress(state) {
  const box = find("progress"), bar = box.querySelector("progress");
  const words = WORDS[state.state];
  box.hidden = !words;
  if (!words) { began = null; return; }
  let left = "";
  if (state.state === "scoring") {
    if (!began || began.done > state.done) began = { at: performance.now(), done: state.done };
    const passed = (performance.now() - began.at) / 1000, rate = (state.done - began.done) / passed;
    if (passed > 1 && rate > 0) left = `, about ${Math.max(1, Math.round((state.of - state.done) / rate))} s left`;
    bar.max = state.of;
    bar.value = state.done;
  } else {
    began = null;
    bar.removeAttribute("value");
  }
  find("progress-text").textContent = words(state, left);
}

const ODD = { unknown: "unknown to the model", outside: "out of range", respelled: "spelled otherwise" };

export function showFacts(facts) {
  const odd = facts.columns.reduce((sum, column) => sum + column.unknown + column.outside, 0);
  const missing = facts.columns.reduce((sum, column) => sum + column.missing, 0);
  const cells = facts.customers * facts.columns.length;
  const far = facts.columns.filter((column) => column.distance && column.distance.value > column.distance.by_chance);
  const measured = facts.columns.some((column) => column.distance);
  const tile = (value, words, tone = "") => element("li", { className: tone }, element("strong", {}, value), ` ${words}`);
  find("tiles").replaceChildren(
    tile(count(facts.customers), facts.customers === 1 ? "customer" : "customers"),
    ...(facts.left_out ? [tile(count(facts.left_out), facts.left_out === 1 ? "row left out: no customer" : "rows left out: no customers", "warning")] : []),
    tile(percent(missing / cells), "of the values are missing"),
    facts.inputs_known ? tile(count(odd), odd === 1 ? "value is odd" : "values are odd", odd ? "warning" : "good") : tile("?", "what is odd is not known for this version"),
    ...(measured ? [far.length ? tile("Unlike", "the training data", "warning") : tile("Like", "the training data", "good")] : []),
  );
  tell("far", far.length ? `These customers are not like those on which version ${facts.version} was trained: look at ${far.length === facts.columns.length ? "all columns" : listed(far.map((each) => each.name))}. The expectation allows for that as long as such customers behave as they did in training. Check a sample first.` : "");
  find("columns").querySelector("tbody").replaceChildren(...facts.columns.map((column) => row(column, facts)));
  find("notes").replaceChildren(...facts.notes.map((note) => element("li", {}, `${note}.`)));
}

function row(column, facts) {
  const kinds = Object.keys(ODD).filter((kind) => column[kind]);
  const odd = kinds.map((kind) => `${count(column[kind])} ${ODD[kind]} (${(column.examples[kind] || []).join(", ")})`).join("; ");
  const distance = column.distance;
  const far = distance && distance.value > distance.by_chance;
  const words = distance ? `${far ? "No" : "Yes"}: ${distance.kind} ${distance.value.toFixed(3)}, by chance below ${distance.by_chance.toFixed(3)}` : "not known";
  return element("tr", {},
    element("th", { scope: "row" }, column.name),
    element("td", { className: "number" }, column.missing ? `${count(column.missing)} (${percent(column.missing / facts.customers)})` : "–"),
    element("td", {}, odd || "–"),
    element("td", { className: far ? "warning" : "" }, words));
}

function listed(names) {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
}
