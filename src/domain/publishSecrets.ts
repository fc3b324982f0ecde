import { matchesGlob } from '../util/glob.ts';
import { Secret } from '../util/secret.ts';
import { RecorderdError } from './errors.ts';
import type { CustomParameters } from './publisher.ts';

/** Who publishes a stream whose name fits `pattern` (see `matchesGlob`) has to know `secret`. */
export interface PublishRule {
  readonly pattern: string;
  readonly secret: string;
}

/** Parameters that carry a publisher's secret, in lower case. */
const CARRIERS: ReadonlySet<string> = new Set(['token', 'key']);

const isCarrier = (name: string): boolean => CARRIERS.has(name.toLowerCase());

/** What publishers have to know, and which of their parameters nobody else may see. The only owner of the rule. */
export class PublishSecrets {
  #rules: readonly { readonly pattern: string; readonly secret: Secret }[] = [];

  /** @param rules the first one that fits a name decides; a name that none fits is open. */
  constructor(rules: readonly PublishRule[]) {
    this.use(rules);
  }

  /** Takes other rules, for those who publish from now on. */
  use(rules: readonly PublishRule[]): void {
    this.#rules = rules.map(({ pattern, secret }) => ({ pattern, secret: new Secret(secret) }));
  }

  /**
   * Lets a publisher of `name` through if one of the parameters it `presented` carries the secret.
   * @throws RecorderdError UNAUTHORIZED
   */
  demand(name: string, presented: readonly CustomParameters[]): void {
    const rule = this.#rules.find(({ pattern }) => matchesGlob(pattern, name));
    if (rule === undefined) return;
    const parameters = presented.flatMap((each) => Object.entries(each));
    const given = parameters.filter(([key]) => isCarrier(key)).map(([, value]) => value);
    if (given.some((value) => rule.secret.equals(value))) return;
    throw new RecorderdError(
      'UNAUTHORIZED',
      `${given.length === 0 ? 'Token missing' : 'Wrong token'}: ${name}`,
    );
  }

  /** What may be shown of a client's parameters. Without any rule they are the client's own affair, as in WCS. */
  conceal(parameters: CustomParameters): CustomParameters {
    if (this.#rules.length === 0) return parameters;
    return Object.fromEntries(Object.entries(parameters).filter(([key]) => !isCarrier(key)));
  }
}
