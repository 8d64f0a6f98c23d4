// Live parts of a page: what an address says now (data-poll), and "I am here" (data-ping).
// Both rest while the page is hidden. What arrives never moves the page: it waits behind a button, or is exchanged in place.

const token = () => document.querySelector('meta[name=csrf-token]')?.content ?? '';

// Calls work() every so many seconds while the page is seen; slows down while the network fails.
const every = (seconds, work) => {
  let fails = 0;
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(run, Math.min(seconds * 2 ** fails, 60) * 1000);
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

  const run = every(Number(part.dataset.every ?? 3000) / 1000, async () => {
    const answer = await fetch(address(), { headers: tag ? { 'If-None-Match': tag } : {}, cache: 'no-store' });
    if (answer.status === 304) return true;
    if (answer.status === 410) return false; // it is over: the page says what comes next
    if (!answer.ok) throw new Error(answer.status);
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

  // A vote or a question in a live room is sent without leaving the page: a video may be running there.
  // Anything but the usual redirect is left to the browser, which shows what is wrong.
  part.closest('[data-quiet]')?.addEventListener('submit', async (event) => {
    const form = event.target;
    event.preventDefault();
    const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), redirect: 'manual' }).catch(() => null);
    if (answer?.type !== 'opaqueredirect') return form.submit();
    form.reset();
    for (const area of form.querySelectorAll('[data-draft]')) area.dispatchEvent(new Event('input'));
    run();
  });
};

const ping = (part) => {
  const run = every(Number(part.dataset.every ?? 20000) / 1000, async () => {
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
  root.querySelectorAll('[data-ping]').forEach(ping);
};
