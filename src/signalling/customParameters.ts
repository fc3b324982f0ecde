import type { CustomParameters } from '../domain/publisher.ts';

const MAX_PARAMETERS = 32;
const MAX_KEY_CHARACTERS = 64;
const MAX_VALUE_CHARACTERS = 1024;

/** A client's `custom` object as text parameters, bounded: it is kept as long as the session. Never throws. */
export function customParameters(value: unknown): CustomParameters {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const parameters: [string, string][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (parameters.length === MAX_PARAMETERS) break;
    const text = asText(item);
    if (key.length > MAX_KEY_CHARACTERS || text === undefined) continue;
    if (text.length <= MAX_VALUE_CHARACTERS) parameters.push([key, text]);
  }
  return Object.fromEntries(parameters);
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deep to be written.
    return undefined;
  }
}
