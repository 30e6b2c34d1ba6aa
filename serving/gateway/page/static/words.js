// Numbers as people write them, and elements of the page.
const whole = new Intl.NumberFormat("en-US");

export const count = (number) => whole.format(number);
export const several = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
export const percent = (share) => `${share < 0.1 && share > 0 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;

export const listed = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0]);

// All text goes in as text: nothing of a file is ever read as HTML.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const find = (id) => document.getElementById(id);

export function tell(id, text) {
  const place = find(id);
  place.textContent = text;
  place.hidden = !text;
}
