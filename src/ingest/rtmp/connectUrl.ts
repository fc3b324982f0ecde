import type { CustomParameters } from '../../domain/publisher.ts';
import type { AmfValue } from './amf0.ts';

/** The part before the first `?` as sent, and the parameters after it. */
export interface NameWithQuery {
  readonly name: string;
  readonly custom: CustomParameters;
}

/** Splits an application or stream name from its query. The name is not decoded; the parameters are. */
export function splitQuery(text: string): NameWithQuery {
  const mark = text.indexOf('?');
  if (mark < 0) return { name: text, custom: {} };
  return { name: text.slice(0, mark), custom: Object.fromEntries(new URLSearchParams(text.slice(mark + 1))) };
}

/**
 * Connection parameters: the query of `app`, and of `tcUrl` for encoders that keep it there only. Either may be
 * missing or not be text.
 */
export function connectParameters(app: AmfValue, tcUrl: AmfValue): CustomParameters {
  const ofUrl = typeof tcUrl === 'string' ? splitQuery(tcUrl).custom : {};
  const ofApp = typeof app === 'string' ? splitQuery(app).custom : {};
  return { ...ofUrl, ...ofApp };
}
