import * as z from 'zod';

type Json = Readonly<Record<string, unknown>>;

/** Schemas and responses of a document: what is used often is written once, under `components`, and referred to. */
export class Schemas {
  readonly #schemas = new Map<string, unknown>();
  readonly #responses = new Map<string, unknown>();

  /** `schema` as it stands where it is used; what a client sends, not what it becomes. */
  use(schema: z.ZodType): Json {
    // Inside of another one, so that a schema with an id becomes a reference, too.
    const whole = z.toJSONSchema(z.object({ it: schema }), { io: 'input' });
    const { it, defs } = withReferences({ it: whole.properties?.['it'] ?? {}, defs: whole.$defs ?? {} });
    for (const [id, component] of Object.entries(defs)) this.#schemas.set(id, component);
    return it as Json;
  }

  /** A reference to a response. @param name of letters, digits, `.`, `_` and `-`. */
  useResponse(name: string, response: Json): Json {
    this.#responses.set(name, response);
    return { $ref: `#/components/responses/${name}` };
  }

  /** Everything that was referred to, by name. */
  components(): Json {
    return { schemas: sorted(this.#schemas), responses: sorted(this.#responses) };
  }
}

function sorted(named: ReadonlyMap<string, unknown>): Json {
  return Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** zod keeps its references and ids in a place of its own. */
function withReferences<T>(value: T): T {
  const moved = (key: string, item: unknown): unknown => {
    if (key === '$ref' && typeof item === 'string') return item.replace('#/$defs/', '#/components/schemas/');
    return item;
  };
  return JSON.parse(JSON.stringify(value, moved)) as T;
}
