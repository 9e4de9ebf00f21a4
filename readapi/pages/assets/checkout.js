// What JavaScript adds to a checkout page that is complete without it: forms that are sent without leaving, a countdown,
// and news as it happens. It makes no HTML: the server renders a page, and its main element takes the place of ours.
(() => {
  'use strict';

  const SLOWEST_WHILE_WAITING = 10000;
  const SLOWEST_AFTER_ERROR = 30000;
  const IDLE_FIRST = 15000;
  const IDLE_SLOWEST = 120000;
  const ANNOUNCE_AT = [60, 30, 10];

  const live = document.getElementById('live');
  let main = document.getElementById('main');
  if (!main || !main.dataset.phase) return;

  let pollTimer = 0;
  let pollDelay = 0;
  let polling = null; // the question under way
  let tickTimer = 0;
  let offline = false;
  let lastPhone = ''; // of this visit, so that a second try needn't type it again

  // say has a screen reader speak text when it is done with what it is saying.
  const say = (text) => {
    live.textContent = '';
    if (text) setTimeout(() => { live.textContent = text; }, 100);
  };

  const waiting = () => main.dataset.phase === 'waiting';

  // ---- News -------------------------------------------------------------------------------------------------------

  const firstDelay = () => (waiting() ? Number(main.dataset.poll) || 2000 : IDLE_FIRST);

  const schedule = (delay) => {
    clearTimeout(pollTimer);
    if (main.dataset.phase === 'paid' || document.hidden) return;
    pollTimer = setTimeout(poll, delay);
  };

  // poll asks for news, once however many want to know, and shows it. It tells how that went.
  const poll = () => {
    polling = polling || ask().finally(() => { polling = null; });
    return polling;
  };

  const ask = async () => {
    clearTimeout(pollTimer);
    let outcome = 'unchanged';
    let wait = 0;
    try {
      const answer = await fetch(main.dataset.status, {
        headers: { Accept: 'application/json', 'If-None-Match': `"${main.dataset.version}"` },
        cache: 'no-store',
        credentials: 'same-origin',
      });
      if (answer.status === 200) {
        const news = await answer.json();
        if (news.version !== main.dataset.version) {
          await load();
          outcome = 'changed';
        }
      } else if (answer.status !== 304) {
        wait = 1000 * (Number(answer.headers.get('Retry-After')) || 0);
        throw new Error(String(answer.status));
      }
      if (offline) say('');
      offline = false;
      pollDelay = outcome === 'changed' ? firstDelay()
        : Math.min((pollDelay || firstDelay()) * 1.25, waiting() ? SLOWEST_WHILE_WAITING : IDLE_SLOWEST);
    } catch (_) {
      outcome = 'failed';
      if (!offline && waiting()) say(main.dataset.offline);
      offline = true;
      pollDelay = Math.max(wait, Math.min((pollDelay || firstDelay()) * 2, SLOWEST_AFTER_ERROR));
    }
    schedule(pollDelay);
    return outcome;
  };

  // load fetches the page as it is now and shows its main element. XMLHttpRequest parses HTML without running any of it.
  const load = () => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open('GET', main.dataset.page);
    request.responseType = 'document';
    request.timeout = 20000;
    request.onload = () => {
      const next = request.response && request.response.getElementById('main');
      if (!next) return failed(new Error('no page'));
      show(next, request.response.title);
      done();
    };
    request.onerror = request.ontimeout = () => failed(new Error('no answer'));
    request.send();
  });

  // show puts next in the place of main. Whoever was in it, or nowhere, is taken to the new heading, which is then
  // read out; whoever is elsewhere on the page is told only.
  const show = (next, title) => {
    const typed = main.querySelector('#phone');
    const method = main.querySelector('input[name=method]:checked');
    const inside = document.activeElement === document.body || main.contains(document.activeElement);
    next = document.adoptNode(next);
    main.replaceWith(next);
    main = next;
    document.title = title;
    const phone = main.querySelector('#phone');
    if (phone && !phone.value) phone.value = typed ? typed.value : lastPhone;
    const again = method && main.querySelector(`#${method.id}`);
    if (again) again.checked = true;
    const heading = document.getElementById('heading');
    if (inside && heading) {
      heading.focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
    } else {
      say(heading ? heading.textContent : title);
    }
    start();
  };

  // ---- Countdown --------------------------------------------------------------------------------------------------

  const countDown = () => {
    clearInterval(tickTimer);
    const box = main.querySelector('[data-countdown]');
    if (!box) return;
    const clock = box.querySelector('[data-clock]');
    const spoken = box.querySelector('[data-spoken]');
    const bar = box.querySelector('progress');
    const overdue = main.querySelector('[data-overdue]');
    // The monotonic clock, so that a phone whose time is wrong or set meanwhile counts right.
    const end = performance.now() + 1000 * Number(box.dataset.left);
    let shown = Number(box.dataset.left);
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      if (left === shown) return;
      const crossed = ANNOUNCE_AT.find((at) => left <= at && shown > at);
      shown = left;
      const text = box.dataset.say.replace('{n}', String(left));
      clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
      spoken.textContent = text;
      bar.value = left;
      if (left === 0) {
        clearInterval(tickTimer);
        box.hidden = true;
        overdue.hidden = false;
        say(overdue.textContent);
      } else if (crossed) {
        say(text);
      }
    };
    tickTimer = setInterval(tick, 250);
  };

  // ---- Forms ------------------------------------------------------------------------------------------------------

  // The button keeps the focus while it is busy, so it is marked as disabled rather than made so.
  const setBusy = (form, busy) => {
    const button = form.querySelector('button[type=submit]');
    if (busy) {
      button.dataset.label = button.textContent;
      button.textContent = form.dataset.busy;
      button.setAttribute('aria-disabled', 'true');
      say(form.dataset.busy);
    } else if (button.dataset.label) {
      button.textContent = button.dataset.label;
      button.removeAttribute('aria-disabled');
    }
  };

  const isBusy = (form) => form.querySelector('button[type=submit]').hasAttribute('aria-disabled');

  const showErrors = (form, notice, phoneError) => {
    form.querySelector('[data-alert]').textContent = notice || '';
    const field = form.querySelector('#phone');
    if (!field) return;
    form.querySelector('#phone-error').textContent = phoneError || '';
    form.querySelector('.field').classList.toggle('field-bad', Boolean(phoneError));
    if (phoneError) {
      field.setAttribute('aria-invalid', 'true');
      field.focus();
    } else {
      field.removeAttribute('aria-invalid');
    }
  };

  const submit = async (form) => {
    if (isBusy(form)) return;
    const field = form.querySelector('#phone');
    if (field) lastPhone = field.value;
    showErrors(form, '', '');
    setBusy(form, true);
    let answer;
    let body = {};
    try {
      answer = await fetch(form.action, {
        method: 'POST',
        headers: { Accept: 'application/json' },
        body: new URLSearchParams(new FormData(form)),
        credentials: 'same-origin',
      });
      body = await answer.json();
      if (body.redirect) {
        window.location.assign(body.redirect);
        return;
      }
      if (answer.ok || answer.status === 409) {
        await load();
        say('');
        return;
      }
    } catch (_) {
      body = {};
    }
    if (!form.isConnected) return;
    setBusy(form, false);
    say('');
    const phoneError = body.errors && body.errors.phone;
    showErrors(form, phoneError ? '' : body.message || form.dataset.failed, phoneError);
    // What was asked may have arrived although the answer did not.
    if (!answer) schedule(1000);
  };

  // ---- The page ---------------------------------------------------------------------------------------------------

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('form[data-form]')) return;
    event.preventDefault();
    submit(form);
  });

  document.addEventListener('click', async (event) => {
    const target = event.target.closest('[data-check], [data-print]');
    if (!target) return;
    if (target.matches('[data-print]')) {
      window.print();
      return;
    }
    event.preventDefault();
    const outcome = await poll();
    if (outcome === 'unchanged') say(target.dataset.check);
    if (outcome === 'failed') say(main.dataset.offline);
  });

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(pollTimer);
    else if (main.dataset.phase !== 'paid') poll();
  });

  // A page that the browser kept while its customer was at the card page, or offline.
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    main.querySelectorAll('form[data-form]').forEach((form) => setBusy(form, false));
    poll();
  });
  window.addEventListener('online', () => { if (main.dataset.phase !== 'paid') poll(); });

  const start = () => {
    const print = main.querySelector('[data-print]');
    if (print) print.hidden = false;
    pollDelay = firstDelay();
    countDown();
    schedule(pollDelay);
  };

  start();
})();
