// How many: the form, and what to expect of what was chosen.
import { curve } from "./curves.js";
import { count, element, find, listed, several, tell } from "./words.js";

const form = find("choice");
const MOST_AT_FIRST = 500;
const EXPLORED = "explored", CONTROL = "control"; // as in the column "group" of the file
const FIELDS = ["share", "number", "budget", "cost", "value", "currency", "explore", "control"];

export function prepare(facts) {
  form.reset();
  const { value, cost, budget, currency } = facts.economics || {};
  for (const [name, amount] of Object.entries({ value, cost, budget: budget || null })) {
    form.elements[name].value = form.elements[name].dataset.given = amount ?? "";
  }
  Object.assign(form.elements.currency, { value: currency ?? "" });
  for (const place of form.querySelectorAll(".target")) place.textContent = facts.target || "target";
  form.dataset.calibrated = facts.calibrated ? "yes" : "";
  form.querySelector(".money").hidden = !facts.calibrated;
  form.elements.explore.value = 100 * facts.explore;
  // Of a short file, as many as the share that is the default.
  form.elements.number.value = Math.min(MOST_AT_FIRST, Math.max(1, Math.round(facts.customers * form.elements.share.value / 100)));
  adapt();
}

export function chosen() {
  const found = Object.fromEntries(new FormData(form));
  for (const name of ["number", "budget", "value", "cost"]) {
    if (found[name] !== form.elements[name].dataset.given) found[name] = plain(found[name], true); // else it is a number already
  }
  for (const name of ["share", "explore", "control"]) found[name] = plain(found[name], false);
  return found;
}

// A number as the server reads it, from "1.500,50", "1,500.50", "1 500" or "2,5". Where both marks stand, the last one is
// the decimal one; a single mark before three digits divides thousands, except after a zero and in a share. What is neither stays as it
// is, and the server refuses it.
function plain(given, hasThousands) {
  const text = String(given ?? "").trim().replace(/(\d)[\s\u00a0\u202f'](?=\d{3})/g, "$1");
  const marks = text.match(/[.,]/g) || [];
  if (!marks.length) return text;
  const last = marks.at(-1), other = last === "," ? "." : ",";
  if (marks.includes(other)) {
    return marks.filter((mark) => mark === last).length > 1 ? text : text.replaceAll(other, "").replace(last, ".");
  }
  const divides = marks.length > 1 || hasThousands;
  if (divides && /^[1-9]\d{0,2}([.,]\d{3})+$/.test(text)) return text.replaceAll(last, "");
  return marks.length > 1 ? text : text.replace(last, ".");
}

// Budget and "as many as pay" need value and cost, and say so; only the field of the chosen way is shown.
export function adapt() {
  const { value, cost, currency } = chosen();
  const known = Boolean(Number(value) && Number(cost) && form.dataset.calibrated);
  for (const way of ["budget", "pay"]) {
    const radio = find(`by-${way}`), why = find(`why-${way}`);
    radio.disabled = !known && !radio.checked; // what is chosen stays while somebody changes an amount
    why.textContent = form.dataset.calibrated ? "needs both amounts below" : "not known for this version";
    why.hidden = known;
  }
  const way = form.elements.by.value;
  for (const place of form.querySelectorAll("[data-for]")) place.hidden = place.dataset.for !== way;
  for (const place of form.querySelectorAll(".currency")) place.textContent = currency;
  form.classList.toggle("with-money", known);
}

export function showProspect(told) {
  const target = told.target || "target";
  const { contacts, explored, control } = told, one = contacts === 1;
  const whole = told.title.split(" of ").slice(1).join(" of ");
  const most = explored || control ? ["Contact ", element("strong", {}, count(contacts))] : one ? ["Contact ", element("strong", {}, "the best one")] : ["Contact the best ", element("strong", {}, count(contacts))];
  const lines = [element("p", { className: "big" }, ...most, ` of ${explored || control ? `${count(told.customers)} customers` : whole}.`)];
  if (explored || control) {
    const parts = [`${several(told.count - explored, "is the best", "are the best")} by rank`];
    if (explored) parts.push(`${several(explored, "was", "were")} drawn by lot from all others (${EXPLORED})`);
    lines.push(element("p", {}, `The list has ${several(told.count, "customer", "customers")}: ${listed(parts)}.${control ? ` ${several(control, "of them is", "of them are")} left alone (${CONTROL}): do not contact ${control === 1 ? "this one" : "these"}.` : ""}`));
  }
  const { expected, money } = told;
  if (expected && one) {
    lines.push(element("p", {}, `The probability that this is a ${target} customer is about `, element("strong", {}, expected.share), `. Of a customer who is chosen by chance it is ${expected.without_share}.`));
  } else if (expected && contacts) {
    lines.push(element("p", {}, "Expect about ", element("strong", {}, several(expected.targets, `${target} customer`, `${target} customers`)), ` among ${explored || control ? `the ${count(contacts)} who are contacted` : "them"}: ${expected.share}, likely ${expected.likely} (${count(expected.low)} to ${count(expected.high)}). Any ${count(contacts)} customers of this file would have about ${count(expected.without)}.`));
  }
  if (money && contacts) {
    lines.push(element("p", {}, `${one ? "The contact costs" : "They cost"} ${money.cost} and ${one ? "brings" : "bring"} about ${money.back}: a profit of about `, element("strong", {}, money.profit), `, likely ${money.likely}.${money.lots ? ` ${money.lots} of the cost ${explored === 1 ? "goes to the one" : "go to those"} drawn by lot.` : ""}`));
  }
  if (money) lines.push(element("p", { className: "muted" }, `Reckoned with ${money.terms}. A contact pays where more than ${money.pays_above} of such customers are ${target}.`));
  lines.push(...told.notes.map((note) => element("p", { className: "muted" }, note)));
  lines.push(element("p", { className: "muted" }, `Scored by version ${told.version}${told.least === null ? "" : `; ${one ? "the probability is" : `${explored ? "each of the best" : "each of them"} has a probability of at least`} ${told.least.toFixed(2)}`}.`));
  find("headline").replaceChildren(...lines);
  showPower(told);
  show("gains", told.gains, () => ({
    picture: {
      points: told.gains, low: 0, high: 1, chance: true, format: (value) => `${Math.round(100 * value)} %`, across: "customers contacted, best first",
      mark: { contacts, value: told.reached, text: `${expected.reached} of all ${target}` },
      label: `Gains curve: ${chosenOnes(told)} ${one ? "reaches" : "reach"} ${expected.reached} of all ${target} customers that are expected in this file.`,
    },
    caption: `Of all ${target} customers in this file, how many are reached. The dashed line is a choice by chance.${below(told)}`,
  }));
  show("profit", money && money.curve, () => ({
    picture: {
      points: money.curve, ...range(money.curve), format: (value) => amount(value), across: "customers contacted, best first",
      mark: { contacts, value: money.at, text: money.profit },
      label: `Profit curve: ${chosenOnes(told)} ${one ? "earns" : "earn"} about ${money.profit}.`,
    },
    caption: `What the contacts earn, their cost taken off${money.currency ? `, in ${money.currency}` : ""}. ${paying(money.paying)}`,
  }));
}

function chosenOnes({ contacts, explored, control }) {
  if (explored || control) return `the ${count(contacts)} who are contacted`;
  return contacts === 1 ? "the best one" : `the best ${count(contacts)}`;
}

// Why the mark is not on the curve.
function below({ explored, control }) {
  const lots = [explored && `${count(explored)} ${EXPLORED}`, control && `${count(control)} ${CONTROL}`].filter(Boolean);
  return lots.length ? ` Your list lies a little below the curve: ${listed(lots)} by lot.` : "";
}

// What the control group can show, before the list is downloaded.
function showPower({ power, target }) {
  if (!power) return tell("power", "");
  const who = power.is_chosen ? `${several(power.alone, "customer is", "customers are")} left alone and ${count(power.others)} contacted` : `${power.share} of this list would be ${several(power.alone, "customer", "customers")}`;
  const words = power.uplift === null
    ? "no uplift can be claimed from so few."
    : `an uplift of ${power.uplift} percentage points or more would be found, with a probability of 80 %, where ${power.base} are ${target || "targets"} anyway.`;
  tell("power", `${who}: ${words}`);
}

function paying(number) {
  if (!number) return "No contact pays for itself.";
  return number === 1 ? "Only the first one pays for itself." : `The first ${count(number)} pay for themselves.`;
}

function show(id, points, made) {
  const figure = find(id);
  figure.hidden = !points;
  figure.querySelector("svg")?.remove();
  if (!points) return;
  const { picture, caption } = made();
  figure.prepend(curve(picture));
  figure.querySelector("figcaption").textContent = caption;
}

function range(points) {
  const values = points.map(([, value]) => value);
  return { low: Math.min(0, ...values), high: Math.max(0, ...values) };
}

function amount(value) {
  const size = Math.abs(value), sign = value < 0 ? "\u2212" : "";
  if (size >= 1e6) return `${sign}${+(size / 1e6).toFixed(2)} M`;
  return size >= 1e4 ? `${sign}${+(size / 1e3).toFixed(1)} k` : `${sign}${count(size)}`;
}

// Says what has to be corrected beside its field. Where something was shown before, it stays, and says what it is.
export function refuse(error, wasShown) {
  const field = error && FIELDS.includes(error.field) && !find(error.field).closest("[hidden]") ? error.field : "";
  for (const each of FIELDS) {
    const input = find(each), isWrong = each === field;
    tell(`wrong-${each}`, isWrong ? error.message : "");
    const own = (input.dataset.described ??= input.getAttribute("aria-describedby") ?? "");
    const described = `${isWrong ? `wrong-${each}` : ""} ${own}`.trim();
    for (const [name, value] of [["aria-invalid", isWrong && "true"], ["aria-describedby", described]]) {
      if (value) input.setAttribute(name, value); else input.removeAttribute(name);
    }
  }
  tell("wrong", error && !field ? error.message : "");
  tell("stale", error && wasShown ? "This is still what you chose before." : "");
  for (const id of ["expect", "list"]) find(id).classList.toggle("stale", Boolean(error && wasShown));
}
