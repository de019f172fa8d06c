// The page to try a run: /model says what the form needs, /predict gives the prediction.
import { modelOf, part } from './ask.js';
import { rows, texts } from './fields.js';
import { images } from './images.js';

const forms = { image: images, text: texts, row: rows };

const model = await modelOf();
if (model) {
  document.title = `${model.name}: defrost`;
  part('name').textContent = model.name;
  const outputs = model.classes.length ? `${model.classes.length} classes` : 'a number to predict';
  part('about').textContent = `${model.arch}, ${outputs}.`;
  part('report').hidden = !model.report;
  part('explained').hidden = !model.form.heat;
  // All classes, not only the first of them.
  const path = model.classes.length ? `/predict?top=${model.classes.length}` : '/predict';
  forms[model.form.kind]({ ...model, path });
}
