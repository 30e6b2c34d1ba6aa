// A curve over the number of contacts, with the chosen cut marked: SVG, whose looks are in the style sheet.
import { count } from "./words.js";

const WIDTH = 480, HEIGHT = 290, LEFT = 62, RIGHT = 16, TOP = 30, BOTTOM = 46;

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function steps(low, high) {
  const rough = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough - 1e-12);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

// points: [contacts, value] rising in contacts. mark: {contacts, value, text}. line: whether chance is drawn, too.
export function curve({ points, mark, low, high, format, across, label, chance = false }) {
  const most = points.at(-1)[0] || 1;
  const x = (contacts) => LEFT + (contacts / most) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const at = ([contacts, value]) => `${x(contacts).toFixed(1)},${y(value).toFixed(1)}`;
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "curve" });
  for (const value of steps(low, high)) {
    picture.append(drawn("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: value === 0 ? "axis" : "grid" }));
    picture.append(drawn("text", { x: LEFT - 8, y: y(value) + 4, class: "tick", "text-anchor": "end" }, format(value)));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const anchor = share === 1 ? "end" : "middle";
    picture.append(drawn("text", { x: x(share * most), y: HEIGHT - BOTTOM + 18, class: "tick", "text-anchor": anchor }, count(Math.round(share * most))));
  }
  picture.append(drawn("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, class: "tick", "text-anchor": "middle" }, across));
  const base = Math.max(low, 0);
  const chosen = [...points.filter(([contacts]) => contacts < mark.contacts), [mark.contacts, mark.value]];
  picture.append(drawn("polygon", { points: [[0, base], ...chosen, [mark.contacts, base]].map(at).join(" "), class: "chosen" }));
  if (chance) picture.append(drawn("polyline", { points: [[0, low], [most, high]].map(at).join(" "), class: "chance" }));
  picture.append(drawn("polyline", { points: points.map(at).join(" "), class: "values" }));
  picture.append(drawn("line", { x1: x(mark.contacts), x2: x(mark.contacts), y1: TOP, y2: HEIGHT - BOTTOM, class: "cut" }));
  picture.append(drawn("circle", { cx: x(mark.contacts), cy: y(mark.value), r: 5, class: "cut" }));
  const seen = (found) => found.map(([contacts, value]) => [x(contacts), y(value)]);
  const straight = chance ? points.map(([contacts]) => [contacts, low + (contacts / most) * (high - low)]) : [];
  const place = free(x(mark.contacts), y(mark.value), mark.text.length, seen(points), seen(straight));
  picture.append(drawn("text", { x: place.x, y: place.y, class: "mark", "text-anchor": place.anchor }, mark.text));
  return picture;
}

const LETTER = 8.6, TALL = 17; // of the mark, where a narrow window writes it large

// Where the text of the mark covers least of the curves: beside the point, above it or below it.
function free(px, py, letters, curve, straight) {
  const width = letters * LETTER;
  const tries = [
    { anchor: "start", x: px + 10, y: py + 22 }, { anchor: "end", x: px - 10, y: py - 10 },
    { anchor: "start", x: px + 10, y: py - 10 }, { anchor: "end", x: px - 10, y: py + 22 },
    { anchor: "start", x: px + 10, y: py + 48 }, { anchor: "end", x: px - 10, y: py + 48 },
    { anchor: "start", x: px + 10, y: py - 36 }, { anchor: "end", x: px - 10, y: py - 36 },
    { anchor: "start", x: px + 48, y: py + 4 }, { anchor: "start", x: px + 90, y: py + 4 },
  ];
  const cost = ({ anchor, x, y }) => {
    const left = anchor === "start" ? x : x - width, right = left + width, top = y - TALL, bottom = y + 4;
    const outside = Math.max(0, LEFT - left) + Math.max(0, right - WIDTH + RIGHT) + Math.max(0, 2 - top) + Math.max(0, bottom - HEIGHT + BOTTOM);
    const covered = (line) => line.filter(([cx, cy]) => cx > left - 4 && cx < right + 4 && cy > top - 4 && cy < bottom + 4).length;
    return 10 * outside + 4 * covered(curve) + covered(straight);
  };
  return tries.reduce((best, each) => (cost(each) < cost(best) ? each : best));
}
