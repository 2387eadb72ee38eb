// Everything wrong with a page that a script can find: a first sieve, not an audit (standards.md §4.4).
() => {
  const flaws = [], seen = new Set(), all = selector => [...document.querySelectorAll(selector)];
  const shown = element => element.checkVisibility() && element.getClientRects().length > 0;
  const say = (what, element) => flaws.push(what + ": " + element.outerHTML.slice(0, 120));
  const name = element => (element.getAttribute("aria-label") || element.textContent).trim();
  if (document.documentElement.lang !== "fr") flaws.push("the page is not said to be French");
  if (!document.title.trim()) flaws.push("the page has no title");
  if (all("h1").length !== 1) flaws.push(all("h1").length + " titles of the first level");
  if (document.documentElement.scrollWidth > window.innerWidth) flaws.push("it scrolls sideways");
  let level = 1;
  for (const heading of all("main :is(h1, h2, h3, h4)").filter(shown)) {
    if (heading.tagName[1] > level + 1) say("a level of headings is skipped", heading);
    level = Number(heading.tagName[1]);
  }
  for (const control of all("input:not([type=hidden]), select, textarea"))
    if (!control.labels.length && !control.getAttribute("aria-label")) say("no label", control);
  for (const element of all("a[href], button").filter(shown))
    if (!name(element) && !element.querySelector("img[alt]:not([alt=''])")) say("no name", element);
  for (const image of all("img:not([alt]), iframe:not([title])")) say("nothing said in its place", image);
  for (const button of all("button, .button").filter(shown)) {
    const box = button.getBoundingClientRect();
    if (box.width > 1 && (box.width < 24 || box.height < 24)) say("too small to touch", button);
  }
  for (const element of all("[id]")) {
    if (seen.has(element.id)) say("an id stands twice", element);
    seen.add(element.id);
  }
  const parse = colour => { const [r, g, b, a = 1] = colour.match(/[0-9.]+/g).map(Number); return {r, g, b, a}; };
  const light = ({r, g, b}) => [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.a > 0.9) return colour;
    }
    return {r: 255, g: 255, b: 255};
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(element) || element.closest("[disabled], .sr, .skip")) continue;
    const [dark, bright] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => a - b);
    const wanted = parseFloat(getComputedStyle(element).fontSize) >= 24 ? 3 : 4.5;
    if ((bright + 0.05) / (dark + 0.05) < wanted) say("too little contrast", element);
  }
  return flaws;
}
