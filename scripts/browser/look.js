/**
 * Looks at one page as it is laid out: size, targets, headings, contrast. Runs inside the page, so it stands alone;
 * every fold is opened meanwhile. `look()` gives a list of {rule, where, what}.
 */
const TEXT_PX_MIN = 12;
const TARGET_PX_MIN = 24;
const CONTROL_PX_MIN = 40;
const CONTRAST_MIN = 4.5;
const EDGE_CONTRAST_MIN = 3;
const SLACK_PX = 0.5;

export function look() {
  const closed = [...document.querySelectorAll("details:not([open])")];
  for (const fold of closed) fold.open = true;
  try {
    return [...documentFaults(), ...widthFaults(), ...textFaults(), ...targetFaults(), ...edgeFaults()];
  } finally {
    for (const fold of closed) fold.open = false;
  }
}

const fault = (rule, element, what) => ({ rule, where: named(element), what });

function named(element) {
  const words = (element.innerText ?? "").trim().replace(/\s+/g, " ").slice(0, 40);
  const name = element.getAttribute("name");
  const kind = `${element.localName}${element.className === "" ? "" : `.${element.className}`}`;
  return `<${kind}${name === null ? "" : ` name=${name}`}>${words === "" ? "" : ` "${words}"`}`;
}

function documentFaults() {
  const heads = document.querySelectorAll("h1").length;
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")]
    .filter(isShown)
    .map((one) => Number(one.localName[1]));
  const skips = levels.some((level, at) => at > 0 && level > levels[at - 1] + 1);
  const root = document.documentElement;
  return [
    ...(heads === 1 ? [] : [fault("h1", root, `${heads} first headings, one is wanted`)]),
    ...(skips ? [fault("headings", root, `levels ${levels.join(" ")} leave one out`)] : []),
    ...(document.title.trim() === "" ? [fault("title", root, "no title")] : []),
    ...(root.lang === "" ? [fault("lang", root, "no language")] : []),
  ];
}

function isShown(element) {
  return element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
}

/** Names what sticks out, not only that something does. */
function widthFaults() {
  const width = document.documentElement.clientWidth;
  const wide = document.documentElement.scrollWidth;
  if (wide <= width) return [];
  const out = [...document.body.querySelectorAll("*")].filter((one) => isShown(one) && reach(one) > width + SLACK_PX);
  const inner = out.filter((one) => !out.some((other) => other !== one && one.contains(other)));
  return [fault("scroll", inner[0] ?? document.body, `the page is ${wide} px wide on a screen of ${width} px`)];
}

const reach = (element) => element.getBoundingClientRect().right;

function* texts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() !== "" && element.localName !== "noscript" && isShown(element)) yield element;
  }
}

function textFaults() {
  const seen = new Set(texts());
  return [...seen].flatMap((element) => {
    const size = parseFloat(getComputedStyle(element).fontSize);
    const small = size < TEXT_PX_MIN ? [fault("text", element, `text of ${size} px, at least ${TEXT_PX_MIN}`)] : [];
    return element.closest(":disabled") === null ? [...small, ...contrastFault(element)] : small;
  });
}

function contrastFault(element) {
  const ratio = contrast(colorOf(element), backgroundOf(element));
  if (ratio >= CONTRAST_MIN) return [];
  return [fault("contrast", element, `contrast of ${ratio.toFixed(2)}, at least ${CONTRAST_MIN}`)];
}

const parse = (color) => {
  const [r = 0, g = 0, b = 0, a = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return { rgb: [r, g, b], a };
};

const over = (top, rgb) => top.rgb.map((part, at) => part * top.a + rgb[at] * (1 - top.a));

/** What is painted behind an element: its own background over its parents', down to the page's canvas. */
function backgroundOf(element) {
  if (element === null) return canvas();
  const own = parse(getComputedStyle(element).backgroundColor);
  return own.a === 1 ? own.rgb : over(own, backgroundOf(element.parentElement));
}

function canvas() {
  const wantsDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return wantsDark && getComputedStyle(document.documentElement).colorScheme.includes("dark")
    ? [18, 18, 18]
    : [255, 255, 255];
}

function colorOf(element) {
  let opacity = 1;
  for (let one = element; one !== null; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
  const { rgb, a } = parse(getComputedStyle(element).color);
  return over({ rgb, a: a * opacity }, backgroundOf(element));
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** A tick is hit by its label as well; a link within a sentence is as high as its line lets it be (WCAG 2.5.8). */
function targetFaults() {
  const controls = [
    ...document.querySelectorAll("button, .button, summary, input:not([type=hidden]), select, textarea"),
  ];
  const links = [...document.querySelectorAll("a[href]:not(.button)")];
  return [
    ...controls.filter(isShown).flatMap((one) => small(touched(one), CONTROL_PX_MIN)),
    ...links.filter(isShown).flatMap((one) => small(one, TARGET_PX_MIN)),
  ];
}

const touched = (control) => (["checkbox", "radio"].includes(control.type) ? (control.labels[0] ?? control) : control);

function small(element, least) {
  const { width, height } = element.getBoundingClientRect();
  if (width + SLACK_PX >= least && height + SLACK_PX >= least) return [];
  return [fault("target", element, `${width.toFixed(0)} × ${height.toFixed(0)} px to touch, at least ${least}`)];
}

/** Without its edge nobody sees where a field is (WCAG 1.4.11). */
function edgeFaults() {
  const fields = [...document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), textarea")];
  return fields.filter(isShown).flatMap((field) => {
    const edge = parse(getComputedStyle(field).borderTopColor).rgb;
    const ratio = contrast(edge, backgroundOf(field.parentElement));
    return ratio >= EDGE_CONTRAST_MIN ? [] : [fault("edge", field, `edge with a contrast of ${ratio.toFixed(2)}`)];
  });
}
