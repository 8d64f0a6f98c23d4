// Live parts of a page: what an address says now (data-poll, data-parts), and "I am here" (data-ping).
// All rest while the page is hidden. What arrives never moves the page: it waits behind a button, or is exchanged in place.

const token = () => document.querySelector('meta[name=csrf-token]')?.content ?? '';

// Calls work() every so many seconds while the page is seen; slows down while the network fails.
const every = (part, work) => {
  let fails = 0;
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(run, Math.min((part.dataset.every ?? 20000) * 2 ** fails, 60000));
  };
  const run = async () => {
    if (document.hidden) return; // visibilitychange starts it again
    try {
      const on = await work();
      fails = 0;
      if (on === false) return;
    } catch {
      fails += 1; // offline or the server restarts: try again, later each time
    }
    document.documentElement.classList.toggle('offline', fails > 1);
    again();
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : run()));
  again();
  return run;
};

// Puts new content in place without touching what is being typed or where the focus is.
const exchange = (part, html) => {
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  const id = held?.id;
  if (held?.matches('input,textarea,select')) return false;
  const place = held && !id ? [...part.querySelectorAll('a,button')].indexOf(held) : -1;
  part.innerHTML = html;
  const next = id ? document.getElementById(id) : part.querySelectorAll('a,button')[place];
  if (held) next?.focus({ preventScroll: true });
  part.dispatchEvent(new CustomEvent('exchanged', { bubbles: true }));
  return true;
};

// What an address says now; null when nothing changed, false when it is over.
const ask = async (address, tag) => {
  const answer = await fetch(address, { headers: tag ? { 'If-None-Match': tag } : {}, cache: 'no-store' });
  if (answer.status === 304 || answer.status === 410) return answer.status < 400 && null;
  if (!answer.ok) throw new Error(answer.status);
  return answer;
};

const poll = (part) => {
  let tag = part.dataset.tag ?? '';
  let waiting = null;
  const button = part.dataset.pollHold && document.getElementById(part.dataset.pollHold);
  const words = button?.querySelector('[data-words]');

  const show = () => {
    if (waiting !== null && exchange(part, waiting)) waiting = null;
    if (button) button.hidden = waiting === null;
  };
  button?.addEventListener('click', () => {
    show();
    part.querySelector('a,button')?.focus({ preventScroll: true });
  });

  // What is shown says what to ask for next (data-next): which rows the reader has.
  const address = () => part.querySelector('[data-next]')?.dataset.next ?? part.dataset.poll;

  const run = every(part, async () => {
    const answer = await ask(address(), tag);
    if (!answer) return answer;
    const first = !tag;
    tag = answer.headers.get('ETag') ?? '';
    const html = await answer.text();
    if (first && html === part.innerHTML) return true;
    waiting = html;
    const label = answer.headers.get('X-New');
    if (button && label !== '0') {
      if (words && label) words.textContent = decodeURIComponent(label);
      button.hidden = false;
    } else show();
    return true;
  });
  quiet(part, run);
};

// A vote or a question in a live room is sent without leaving the page: a video may be running there.
// Anything but the usual redirect is left to the browser, which shows what is wrong.
const quiet = (part, after) => part.closest('[data-quiet]')?.addEventListener('submit', async (event) => {
  const { target: form, submitter: by } = event;
  if (form.dataset.loud) return;
  event.preventDefault();
  const body = new FormData(form);
  if (by?.name) body.set(by.name, by.value);
  const answer = await fetch(by?.getAttribute('formaction') ?? form.action, { method: 'POST', body, redirect: 'manual' }).catch(() => null);
  if (answer?.type !== 'opaqueredirect') {
    form.dataset.loud = 1;
    return form.requestSubmit(by);
  }
  if (by?.name) {
    by.ariaPressed = by.value > 0;
    by.value = 1 - by.value;
  } else form.reset();
  for (const area of form.querySelectorAll('[data-draft]')) area.dispatchEvent(new Event('input'));
  after(form);
});

// Says how many are waiting, in the words of the page's language.
const wait = (button, news) => {
  const words = button.querySelector('[data-words]');
  const forms = JSON.parse(words.dataset.words);
  words.textContent = (forms[new Intl.PluralRules(document.documentElement.lang).select(news)] ?? forms.other).replace('#', news);
  button.hidden = false;
};

// Rows that all see alike: the reader's order and marks stay, new ones wait behind the button.
const rows = (part, fresh, now) => {
  const known = [...part.querySelectorAll('li[id]')];
  const place = (row) => known.findIndex((one) => one.id === row.id);
  const all = [...fresh.querySelectorAll('li[id]')].filter((row) => {
    const mine = known[place(row)];
    if (!mine) return !row.matches('[data-done]') || row.remove();
    row.querySelector('[data-own]').replaceWith(mine.querySelector('[data-own]').cloneNode(true));
    const was = mine.querySelector('button');
    const is = row.querySelector('button');
    if (was && is) for (const name of ['value', 'aria-pressed']) is.setAttribute(name, was.getAttribute(name));
    return true;
  });
  const news = all.filter((row) => place(row) < 0).length;
  if (!news || part.dataset.order === 'new') all.sort((a, b) => place(a) - place(b));
  all[0]?.parentNode.append(...all);
  const button = document.getElementById('new-questions');
  button.onclick = () => {
    button.hidden = exchange(part, fresh.innerHTML);
  };
  if (!news || now) button.onclick();
  else wait(button, news);
  return news;
};

// Several parts of a page from one address: each takes the place of its namesake.
const parts = (source) => {
  let tag = '';
  let now = false;
  const { stream, every: pace } = source.dataset;
  const place = (html) => {
    const box = document.createElement('template');
    box.innerHTML = html;
    for (const fresh of box.content.querySelectorAll('[data-part]')) {
      const part = document.querySelector(`[data-part=${fresh.dataset.part}]`);
      if (part?.dataset.order) now = !rows(part, fresh, now) && now; // until it has come
      else if (part && part.innerHTML !== fresh.innerHTML) exchange(part, fresh.innerHTML);
    }
    const sent = box.content.querySelector('[data-tag]')?.dataset.tag;
    if (sent) tag = `W/"${sent}"`;
    return !box.content.querySelector('[data-over]');
  };
  const run = every(source, async () => {
    const answer = await ask(source.dataset.parts, tag);
    if (!answer) return answer;
    source.dataset.every = pace; // news that was not sent
    tag = answer.headers.get('ETag') ?? '';
    return place(await answer.text());
  });
  // Where news is sent to us, asking is only for what got lost; when that ends, asking is all there is again.
  if (stream) {
    const events = new EventSource(stream);
    events.onmessage = ({ data }) => {
      source.dataset.every = 30000;
      if (!place(data)) events.close();
    };
    events.onerror = () => {
      source.dataset.every = pace;
      run();
    };
  }
  // One's own question is no news to its asker.
  const part = source.dataset.sent && document.querySelector(source.dataset.sent);
  if (part) quiet(part, (form) => {
    now = !form.id;
    run();
  });
};

const ping = (part) => {
  const run = every(part, async () => {
    const answer = await fetch(part.dataset.ping, { method: 'POST', headers: { 'X-CSRFToken': token() } });
    if (answer.status === 410) return false;
    if (!answer.ok) throw new Error(answer.status);
    return true;
  });
  run();
};

/** Start the live parts under root. */
export const start = (root) => {
  root.querySelectorAll('[data-poll]').forEach(poll);
  root.querySelectorAll('[data-parts]').forEach(parts);
  root.querySelectorAll('[data-ping]').forEach(ping);
};
