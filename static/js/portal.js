// The portal works without this file. It adds, by data attributes: busy buttons, drafts kept, code cells, quantities,
// copying, menus that close, and (imported when a page has them) live updates.

const free = () => {
  for (const form of document.querySelectorAll('[data-sent]')) delete form.dataset.sent;
  for (const button of document.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
};

// Once sent, not again; freed after a while, since a download leaves the page where it is.
const busy = (form, button) => {
  if (form.dataset.sent) return false;
  form.dataset.sent = 1;
  button?.setAttribute('aria-busy', 'true');
  setTimeout(free, 9000);
  return true;
};

addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === 'dialog') return;
  if (!busy(form, event.submitter)) return event.preventDefault();
  const sent = [...form.querySelectorAll('[data-draft]')].map(key);
  if (sent.length) store(() => sessionStorage.setItem('sent', JSON.stringify(sent)));
});

// Coming back by the browser's history shows the page as it was left: let it be sent again.
addEventListener('pageshow', (event) => event.persisted && free());

// Drafts. Kept under their key until the server has answered: a form sent without a network leaves its draft.
// What the server sends back wins over an old draft.
const key = (area) => `draft:${area.dataset.draft}`;
const store = (work) => {
  try {
    return work(localStorage);
  } catch {
    return null; // storage refused by the browser: the page works without drafts
  }
};
const settle = () =>
  store((box) => {
    const sent = JSON.parse(sessionStorage.getItem('sent') ?? '[]');
    sessionStorage.removeItem('sent');
    const arrived = performance.getEntriesByType('navigation')[0]?.type === 'navigate' && !document.getElementById('errors');
    if (arrived) sent.forEach((name) => box.removeItem(name));
  });
const kept = (area, shown) => {
  const words = area.closest('.field')?.querySelector('[data-kept]');
  if (words) words.hidden = !shown;
};
const draft = (area) => {
  const old = store((box) => box.getItem(key(area)));
  if (old && !area.value) {
    area.value = old;
    kept(area, true);
  }
  area.addEventListener('input', () => {
    store((box) => (area.value ? box.setItem(key(area), area.value) : box.removeItem(key(area))));
    kept(area, area.value);
  });
};

// What was answered before, while a question is being written.
const suggest = (area) => {
  let timer;
  area.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const answer = await fetch(`${area.dataset.suggest}?text=${encodeURIComponent(area.value)}`).catch(() => null);
      if (answer?.ok) document.getElementById(area.dataset.into).innerHTML = await answer.text();
    }, 400);
  });
};

// A code: digits alone, Latin ones, and the cell being typed drawn.
const code = (box) => {
  const input = box.querySelector('input');
  const cells = box.querySelectorAll('i');
  const draw = () => {
    const at = document.activeElement === input ? Math.min(input.value.length, cells.length - 1) : -1;
    cells.forEach((cell, index) => cell.classList.toggle('on', index === at));
  };
  const digits = (text) =>
    text
      .replace(/[٠-٩۰-۹]/g, (digit) => digit.charCodeAt(0) & 15)
      .replace(/\D/g, '')
      .slice(0, cells.length);
  input.addEventListener('input', () => {
    const clean = digits(input.value);
    if (clean !== input.value) input.value = clean;
    draw();
  });
  input.addEventListener('paste', (event) => {
    event.preventDefault();
    input.value = digits(event.clipboardData.getData('text'));
    draw();
  });
  input.addEventListener('focus', draw);
  input.addEventListener('blur', draw);
  draw();
};

// A composer that sends money too: while an amount is typed, its button says so.
const pay = (button) => {
  const field = button.form.querySelector('textarea');
  const words = button.querySelector('[data-words]');
  const usual = words.textContent;
  const say = () => {
    const [amount] = field.value.trim().match(/^(0|[1-9]\d*|[1-9]\d{0,2}(\s\d{3})+)([.,]\d{1,2})?(?=\s*(€|eur|euros?)?$)/i) ?? [];
    words.textContent = amount ? button.dataset.pay.replace('…', amount) : usual;
    words.classList.toggle('vh', !amount);
    button.classList.toggle('round', !amount);
  };
  field.addEventListener('input', say);
  say();
};

const quantity = (box) => {
  const input = box.querySelector('input');
  box.addEventListener('click', (event) => {
    const button = event.target.closest('[data-by]');
    if (!button) return;
    const value = Number(input.value) + Number(button.dataset.by);
    input.value = Math.max(input.min, Math.min(input.max, value));
    input.dispatchEvent(new Event('change', { bubbles: true }));
  });
};

const copy = async (button) => {
  const words = button.querySelector('span');
  await navigator.clipboard.writeText(button.dataset.copy);
  words.dataset.was ??= words.textContent;
  words.textContent = button.dataset.done;
  setTimeout(() => (words.textContent = words.dataset.was), 3000);
};

// Sharing where the device offers it; the address stands beside the button otherwise.
const share = (button) => {
  if (!navigator.share) return copy(button);
  return navigator.share({ url: button.dataset.copy, title: document.title }).catch(() => {});
};

const shut = (but) => {
  for (const menu of document.querySelectorAll('details[data-menu][open]')) if (!menu.contains(but)) menu.open = false;
};

addEventListener('click', (event) => {
  shut(event.target);
  const opener = event.target.closest('[data-dialog]');
  const sheet = opener && document.getElementById(opener.dataset.dialog);
  if (sheet?.showModal) {
    event.preventDefault();
    sheet.showModal();
  } else if (event.target.matches('dialog')) {
    event.target.close();
  }
  const copier = event.target.closest('[data-copy]');
  if (copier) (copier.dataset.share === undefined ? copy : share)(copier);
});

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = document.activeElement.closest('details[data-menu][open]');
  shut(null);
  menu?.querySelector('summary').focus();
});

/** Start what a part of the page asks for; called again for parts that arrive later. */
export const start = (root) => {
  root.querySelectorAll('[data-draft]').forEach(draft);
  root.querySelectorAll('[data-suggest]').forEach(suggest);
  root.querySelectorAll('[data-code]').forEach(code);
  root.querySelectorAll('[data-step]').forEach(quantity);
  root.querySelectorAll('[data-pay]').forEach(pay);
  if (root.querySelector('[data-poll],[data-parts],[data-ping]')) import(document.querySelector('script[data-live]').dataset.live).then((live) => live.start(root));
};

settle();
start(document);
