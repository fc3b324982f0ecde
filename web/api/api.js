// Shows /openapi.json of the server that this page comes from, and sends requests to it.
const { document, fetch, location } = globalThis;
const element = (id) => document.getElementById(id);

/** Makes an element of texts and other elements; nothing of the document becomes markup. */
function make(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

try {
  const response = await fetch('/openapi.json');
  if (!response.ok) throw new Error(`the description cannot be read: status ${response.status}`);
  show(await response.json());
} catch (error) {
  element('problem').textContent = error.message;
  element('problem').hidden = false;
}

function show(api) {
  element('title').textContent = `${api.info.title} ${api.info.version}`;
  element('about').textContent = api.info.description;
  for (const { name, description } of api.tags) {
    const operations = operationsOf(api, name);
    if (operations.length === 0) continue;
    const heading = make('h2', {}, `${name} `, make('small', {}, description));
    element('paths').append(
      make('section', {}, heading, ...operations.map((each) => operationView(api, each))),
    );
  }
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) => schemaView(name, schema));
  element('schemas').append(make('h2', { id: 'answers' }, 'Answers'), ...schemas);
  element('search').addEventListener('input', search);
  globalThis.addEventListener('hashchange', openLinked);
  openLinked();
}

function operationsOf({ paths }, tag) {
  return Object.entries(paths).flatMap(([path, item]) =>
    ['get', 'post', 'delete']
      .filter((method) => item[method]?.tags.includes(tag))
      .map((method) => ({ path, method, ...item[method], parameters: parametersOf(item, method) })),
  );
}

function parametersOf(item, method) {
  return [...(item.parameters ?? []), ...(item[method].parameters ?? [])];
}

function operationView(api, operation) {
  const { path, method, operationId, summary, parameters, requestBody, responses } = operation;
  const body = jsonSchemaOf(requestBody);
  const inside = make(
    'div',
    { className: 'inside' },
    ...(parameters.length > 0 ? [make('h3', {}, 'Parameters'), parameterTable(parameters)] : []),
    ...(body === undefined ? [] : [make('h3', {}, 'Body'), fieldTable(body)]),
    make('h3', {}, 'Answers'),
    responseTable(api, responses),
    ...(path.startsWith('/rest-api') && operationId !== 'getEvents' ? [sender(operation, body)] : []),
  );
  const title = make(
    'summary',
    {},
    make('span', { className: 'method' }, method.toUpperCase()),
    make('code', {}, path),
    make('span', { className: 'quiet' }, summary),
  );
  return make('details', { id: operationId, className: 'operation' }, title, inside);
}

function schemaView(name, schema) {
  const title = make(
    'summary',
    {},
    make('code', {}, name),
    make('span', { className: 'quiet' }, schema.description ?? ''),
  );
  return make(
    'details',
    { id: `schema-${name}` },
    title,
    make('div', { className: 'inside' }, fieldTable(schema)),
  );
}

function jsonSchemaOf(holder) {
  return holder?.content?.['application/json']?.schema;
}

function table(headings, rows) {
  const head = make(
    'thead',
    {},
    make('tr', {}, ...headings.map((each) => make('th', { scope: 'col' }, each))),
  );
  const lines = rows.map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, cell))));
  return make('table', {}, head, make('tbody', {}, ...lines));
}

function parameterTable(parameters) {
  const rows = parameters.map(({ name, in: place, required, description = '', schema }) => [
    make('code', {}, name),
    `${place}${required ? ', required' : ''}`,
    typeOf(schema),
    description,
  ]);
  return table(['Name', 'Where', 'Type', 'Meaning'], rows);
}

function fieldTable(schema) {
  return table(['Field', 'Type', 'Meaning'], fieldRows(schema, ''));
}

/** Fields of fields follow with the whole path in their name. */
function fieldRows(schema, prefix) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const isRequired = prefix === '' && schema.required?.includes(name);
    const row = [
      make('code', {}, path),
      `${typeOf(field)}${isRequired ? ', always' : ''}`,
      field.description ?? '',
    ];
    return [row, ...inner(field).flatMap((each) => fieldRows(each, `${path}.`))];
  });
}

function inner(field) {
  const some = [field, field.items, ...(field.anyOf ?? [])];
  return some.filter((each) => each?.properties !== undefined);
}

function typeOf(schema) {
  if (schema === undefined) return '';
  if (schema.$ref !== undefined) return nameOf(schema);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(' | ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.type === 'array') return `array of ${typeOf(schema.items)}`;
  return String(schema.type ?? 'anything');
}

function nameOf({ $ref }) {
  return $ref.split('/').at(-1);
}

function responseTable(api, responses) {
  const rows = Object.entries(responses).map(([status, given]) => {
    const response = given.$ref === undefined ? given : api.components.responses[nameOf(given)];
    return [status, response.description, answerLink(jsonSchemaOf(response))];
  });
  return table(['Status', 'When', 'Body'], rows);
}

function answerLink(schema) {
  const named = schema?.items ?? schema;
  if (named?.$ref === undefined) return '';
  return make('a', { href: `#schema-${nameOf(named)}` }, typeOf(schema));
}

/** A form that sends the request to this server, with what the browser knows of credentials. */
function sender({ path, method, operationId }, body) {
  const input = make('textarea', { id: `body-${operationId}`, value: exampleOf(body), spellcheck: false });
  const output = make('pre', { hidden: true, tabIndex: 0 });
  output.setAttribute('role', 'status');
  const send = async () => {
    output.hidden = false;
    output.textContent = '…';
    try {
      const headers = { 'Content-Type': 'application/json' };
      const request = body === undefined ? { method } : { method, headers, body: input.value };
      const response = await fetch(path, { ...request, method: method.toUpperCase() });
      output.textContent = `${response.status} ${response.statusText}\n${indented(await response.text())}`;
    } catch (error) {
      output.textContent = error.message;
    }
  };
  const label = make('label', { htmlFor: input.id }, 'Body to send');
  const button = make('button', { type: 'button', onclick: () => void send() }, 'Send');
  return make(
    'div',
    {},
    make('h3', {}, 'Try it'),
    ...(body === undefined ? [] : [label, input]),
    button,
    output,
  );
}

function exampleOf(schema) {
  const fields = schema?.required ?? [];
  return JSON.stringify(Object.fromEntries(fields.map((field) => [field, ''])));
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function search() {
  const wanted = element('search').value.trim().toLowerCase();
  for (const section of element('paths').children) {
    const operations = [...section.querySelectorAll('.operation')];
    for (const each of operations) each.hidden = !each.firstChild.textContent.toLowerCase().includes(wanted);
    section.hidden = operations.every(({ hidden }) => hidden);
  }
}

/** A link to an operation or a schema opens it. */
function openLinked() {
  const linked = element(decodeURIComponent(location.hash.slice(1)));
  if (linked?.tagName === 'DETAILS') {
    linked.open = true;
    linked.scrollIntoView();
  }
}
