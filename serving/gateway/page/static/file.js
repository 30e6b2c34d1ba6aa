// The file: how far it is, what was seen in it, how like the training data it is.
import { count, element, find, listed, percent, several, tell } from "./words.js";

const WORDS = {
  waiting: () => "Waiting for its turn: other files are in work …",
  sending: () => "Sending the file …",
  reading: ({ done }) => (done ? `Reading: ${several(done, "row", "rows")} so far …` : "Reading the file …"),
  scoring: ({ done, of }, left) => `Scored ${count(done)} of ${several(of, "customer", "customers")}${left}`,
};

const STILL_S = 4; // no customer for so long: the model server is slow or gone
let pace = null; // of the customers of a file: when they began to be scored, and how many were done when

export function showProgress(state) {
  const box = find("progress"), bar = box.querySelector("progress");
  const words = WORDS[state.state];
  box.hidden = !words;
  let left = "";
  if (state.state === "scoring") {
    left = timeLeft(state);
    bar.max = state.of;
    bar.value = state.done;
  } else {
    pace = null;
    bar.removeAttribute("value");
  }
  if (words) find("progress-text").textContent = words(state, left);
}

// An estimate is made when customers come, and runs down until more do; when none come any more it is no estimate.
function timeLeft({ done, of }) {
  const at = performance.now() / 1000;
  if (!pace || pace.done > done) pace = { began: at, first: done, at, done, left: null };
  if (done > pace.done) {
    const rate = (done - pace.first) / (at - pace.began);
    Object.assign(pace, { at, done, left: at - pace.began > 1 ? (of - done) / rate : null });
  }
  const still = at - pace.at;
  if (still > STILL_S) return `. Waiting for the model server for ${Math.round(still)} s …`;
  return pace.left === null ? "" : `, about ${Math.max(1, Math.round(pace.left - still))} s left`;
}

const ODD = { unknown: "unknown to the model", outside: "out of range", respelled: "spelled otherwise" };

export function showFacts(facts) {
  const odd = facts.columns.reduce((sum, column) => sum + column.unknown + column.outside, 0);
  const missing = facts.columns.reduce((sum, column) => sum + column.missing, 0);
  const cells = facts.customers * facts.columns.length;
  const tile = (value, words, tone = "") => element("li", { className: tone }, element("strong", {}, value), ` ${words}`);
  const { warning, isMeasured } = likeness(facts);
  find("tiles").replaceChildren(
    tile(count(facts.customers), facts.customers === 1 ? "customer" : "customers"),
    ...(facts.left_out ? [tile(count(facts.left_out), facts.left_out === 1 ? "row without any value was left out" : "rows without any value were left out", "warning")] : []),
    tile(percent(missing / cells), "of the values are missing"),
    facts.inputs_known ? tile(count(odd), odd === 1 ? "value is odd" : "values are odd", odd ? "warning" : "good") : tile("?", "what is odd is not known for this version"),
    ...(isMeasured ? [warning ? tile("Unlike", "the training data", "warning") : tile("Like", "the training data", "good")] : []),
  );
  tell("far", warning);
  find("columns").querySelector("tbody").replaceChildren(...facts.columns.map((column) => row(column, facts)));
  find("notes").replaceChildren(...facts.notes.map((note) => element("li", {}, `${note[0].toUpperCase()}${note.slice(1)}.`)));
}

const isFar = ({ distance }) => Boolean(distance && distance.value > distance.by_chance);

// How far the file is from the training data, by its columns and by its rows, and which columns show it.
function likeness(facts) {
  const far = facts.columns.filter(isFar).sort((one, other) => ratio(other) - ratio(one));
  const strange = facts.columns.filter((column) => column.unknown || column.outside);
  const usual = facts.usually_unlike * facts.customers;
  const many = facts.unlike !== null && facts.unlike > 2 * usual && facts.unlike > usual + 3 * Math.sqrt(usual);
  const isMeasured = facts.columns.some((column) => column.distance);
  const said = [];
  if (many) said.push(`${percent(facts.unlike / facts.customers)} of these customers are unlike those on whom version ${facts.version} was trained, where ${percent(facts.usually_unlike)} is usual.`);
  else if (far.length) said.push(`These customers are not quite like those on whom version ${facts.version} was trained.`);
  if (far.length) said.push(`${far.length === 1 ? "One column differs" : `${count(far.length)} of ${facts.columns.length} columns differ`} by more than chance: ${listed(far.slice(0, SHOWN).map(howFar))}${far.length > SHOWN ? `; also ${listed(far.slice(SHOWN).map((each) => each.name))}` : ""}.`);
  if (said.length && strange.length) said.push(`Values that training never had are in ${listed(strange.map((each) => each.name))}.`);
  if (said.length) said.push("The expectation holds as long as such customers behave as they did in training. Check a sample first.");
  return { warning: said.join(" "), isMeasured };
}

const SHOWN = 3;
const ratio = ({ distance }) => distance.value / distance.by_chance;

function howFar({ name, distance }) {
  if (distance.kind.startsWith("L-infinity")) return `${name} (the share of one value by ${percent(distance.value)}, by chance up to ${percent(distance.by_chance)})`;
  return `${name} (by ${distance.value.toFixed(3)} on a scale from 0 to 1, by chance up to ${distance.by_chance.toFixed(3)})`;
}

function row(column, facts) {
  const kinds = Object.keys(ODD).filter((kind) => column[kind]);
  const odd = kinds.map((kind) => `${count(column[kind])} ${ODD[kind]} (${(column.examples[kind] || []).join(", ")})`).join("; ");
  const distance = column.distance, far = isFar(column);
  const words = distance ? `${far ? "No" : "Yes"}: ${distance.kind} ${distance.value.toFixed(3)}, by chance below ${distance.by_chance.toFixed(3)}` : "not known";
  const cell = (label, className, text) => element("td", { className, "data-label": label }, element("span", {}, text));
  return element("tr", {},
    element("th", { scope: "row", className: "name", "data-label": "Column" }, element("span", {}, column.name)),
    cell("Missing", "number", column.missing ? `${count(column.missing)} (${percent(column.missing / facts.customers)})` : "–"),
    cell("Odd", "", odd || "–"),
    cell("Like training?", far ? "warning" : "", words));
}
