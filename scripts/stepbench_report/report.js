// Picks settings and rows of the report by its selects and search; without it all of them are there.
(() => {
  'use strict';
  const form = document.getElementById('pick');
  if (!form) return;
  const settings = JSON.parse(document.getElementById('settings').textContent);
  const selects = [...form.querySelectorAll('select')];
  const search = form.querySelector('input'), said = form.querySelector('output');
  const parts = [...document.querySelectorAll('[data-setting]')];
  const texts = new Map();  // read once, when they are first searched
  const textOf = (part) => {
    if (!texts.has(part)) texts.set(part, part.textContent.toLowerCase());
    return texts.get(part);
  };
  const apply = () => {
    const wanted = selects.map((select) => select.value);
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const picked = settings.map((own) => wanted.every((value, i) => value === '' || own[i] === value));
    const shown = [];
    for (const part of parts) {
      part.hidden = !picked[part.dataset.setting] || !words.every((word) => textOf(part).includes(word));
      if (!part.hidden && part.tagName === 'DETAILS') shown.push(part);
    }
    if (shown.length === 1) shown[0].open = true;
    said.textContent = `${shown.length} of ${settings.length} settings`;
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', (event) => {  // told before the form is empty: empty it now
    event.preventDefault();
    for (const field of [...selects, search]) field.value = '';
    apply();
  });
  form.hidden = false;
})();
