// Searching, copying, and staying up to date. The page is whole without it. What changes is taken from this very page,
// fetched again, so that nothing that came from a medium is ever put together here.
const POLL = 15_000;
const PAUSE = 1_000;
const find = (selector, where = document) => where.querySelector(selector);
const all = (selector, where = document) => [...where.querySelectorAll(selector)];

const here = new URL('.', location.href).href.replace(/\/$/, '');
const media = find('#media');
const live = find('#live');
const input = find('#search input');
/** The elements of media as they were sent, by their ids. */
let sent = new Map(all('.card').map(card => [card.id, card.outerHTML]));

function enhance(where) {
  if (find('header').dataset.mirror === 'found') {
    all('.commands b', where).forEach(url => { url.textContent = here; });
    find('#placeholder')?.remove();
  }
  for (const code of all('.commands code', where)) {
    if (code.nextElementSibling) continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    code.after(button);
  }
  tell(where);
}

/** Moments as people count them. */
function tell(where) {
  for (const time of all('time', where)) {
    const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60_000);
    if (!(minutes >= 0)) continue;
    const [count, unit] = minutes < 60 ? [minutes, 'min'] : minutes < 2880 ? [Math.floor(minutes / 60), 'h'] : [Math.floor(minutes / 1440), 'd'];
    time.textContent = minutes < 1 ? 'just now' : `for ${count} ${unit}`;
  }
}

function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const cards = all('.card');
  find('#search').hidden = cards.length === 0;
  let shown = 0;
  for (const card of cards) {
    const parts = all('.what, .arch, .state, .trust, .facts', card).map(part => part.textContent);
    const text = parts.join(' ').toLowerCase();
    card.hidden = !words.every(word => text.includes(word));
    if (!card.hidden) shown += 1;
  }
  find('#search output').textContent = words.length ? `${shown} of ${cards.length}` : '';
  find('#nothing').hidden = !words.length || shown > 0;
  media.hidden = words.length > 0 && shown === 0;
}

function copy(button) {
  const code = button.previousElementSibling;
  // The newer way is missing from pages that came by plain HTTP, which is how mirrors are reached.
  getSelection().selectAllChildren(code);
  const copied = document.execCommand('copy');
  button.textContent = copied ? 'Copied' : 'Ctrl+C';
  setTimeout(() => { button.textContent = 'Copy'; }, 2_000);
}

/** Takes over what is new in `page`, and leaves alone what is not. */
function merge(page) {
  for (const selector of ['#summary', '#downloads', '.menu', '.empty']) {
    const [old, now] = [find(selector), find(selector, page)];
    if (old && now && old.innerHTML !== now.innerHTML) old.replaceWith(now);
    else if (old && !now) old.remove();
    else if (!old && now && selector === '.empty') find('main').prepend(now);
    else if (!old && now) find('#search').before(now);
  }
  const cards = new Map(all('.card').map(card => [card.id, card]));
  const now = new Map();
  const wanted = all('.card', page).map(card => {
    const text = card.outerHTML;
    now.set(card.id, text);
    const old = cards.get(card.id);
    if (old && sent.get(card.id) === text) return old;
    if (old) {
      find('details', card).open = find('details', old).open;
      old.replaceWith(card);
    }
    return card;
  });
  sent = now;
  all('.card').filter(card => !now.has(card.id)).forEach(card => card.remove());
  wanted.forEach((card, index) => {
    if (media.children[index] !== card) media.insertBefore(card, media.children[index] ?? null);
  });
  find('header').dataset.revision = find('header', page).dataset.revision;
  enhance(document);
  search();
}

let fetched = '';
let running = false;
let again = false;
async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try {
    const answer = await fetch(location.pathname, { cache: 'no-cache' });
    const text = answer.ok ? await answer.text() : fetched;
    if (text !== fetched) {
      fetched = text;
      merge(new DOMParser().parseFromString(text, 'text/html'));
    }
  } catch {
    say(false, 'not reachable');
  }
  setTimeout(() => {
    running = false;
    if (again) { again = false; refresh(); }
  }, PAUSE);
}

function say(isOn, text) {
  live.hidden = false;
  live.className = isOn ? 'on' : '';
  live.textContent = text;
}

let events = null;
let timer = 0;
function listen() {
  events = new EventSource('events');
  events.addEventListener('open', () => say(true, 'live'));
  events.addEventListener('revision', event => {
    if (event.data !== find('header').dataset.revision) refresh();
  });
  events.addEventListener('error', () => {
    if (events.readyState !== EventSource.CLOSED) { say(false, 'connecting'); return; }
    // Another server hands the page out, or this one has listeners enough.
    say(true, 'looks every 15 s');
    clearInterval(timer);
    timer = setInterval(refresh, POLL);
  });
}

/** Nobody looks: neither do we. */
function rest() {
  events?.close();
  events = null;
  clearInterval(timer);
}

enhance(document);
input.addEventListener('input', search);
document.addEventListener('click', event => {
  const button = event.target.closest('.commands button');
  if (button) copy(button);
});
document.addEventListener('keydown', event => {
  if (event.key === '/' && !event.target.closest('input')) { event.preventDefault(); input.focus(); }
  if (event.key === 'Escape' && event.target === input) { input.value = ''; search(); }
});
document.addEventListener('visibilitychange', () => {
  rest();
  if (document.visibilityState === 'visible') { refresh(); listen(); }
});
setInterval(() => tell(document), 30_000);
search();
listen();
