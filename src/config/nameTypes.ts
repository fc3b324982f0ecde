import { TEMPLATE_ELEMENTS } from '../domain/names.ts';
import { nearest } from './nearest.ts';
import type { SettingType } from './settingTypes.ts';
import { hasControls, quote } from './settingTypes.ts';

const ELEMENTS_TEXT = TEMPLATE_ELEMENTS.map((element) => `{${element}}`).join(' ');

/** `stream_record_policy_template`: free text without control characters, and elements in braces. */
export const nameTemplate: SettingType<string> = {
  allowed: `text with any of ${ELEMENTS_TEXT}`,
  parse: (text) => {
    const template = text.trim();
    if (template === '' || template.length > 1000 || hasControls(template)) {
      throw new RangeError('a template has 1 to 1000 characters and no control characters');
    }
    for (const [whole, element = ''] of template.matchAll(/\{([^{}]*)\}/g)) {
      if (!TEMPLATE_ELEMENTS.includes(element)) throw unknownElement(whole, element);
    }
    return template;
  },
};

function unknownElement(whole: string, element: string): RangeError {
  const near = nearest(element, TEMPLATE_ELEMENTS);
  const hint = near === undefined ? `known are ${ELEMENTS_TEXT}` : `did you mean {${near}}?`;
  return new RangeError(`unknown element ${quote(whole)}; ${hint}`);
}

/** `encode_record_name`: `false`, `true,HEX` or `true,BASE64`; undefined means that names are not encoded. */
export const nameEncoding: SettingType<'HEX' | 'BASE64' | undefined> = {
  allowed: 'false, true,HEX or true,BASE64',
  parse: (text) => {
    const word = text.replace(/\s/g, '').toUpperCase();
    if (/^FALSE(,(HEX|BASE64))?$/.test(word)) return undefined;
    if (word === 'TRUE,HEX') return 'HEX';
    if (word === 'TRUE,BASE64') return 'BASE64';
    throw new RangeError(`${quote(text)} is not allowed; it must be ${nameEncoding.allowed}`);
  },
};

/** `exclude_record_name_characters`: each character stands for itself, blanks too. */
export const characterSet: SettingType<string> = {
  allowed: 'any characters, one after the other, at most 256; empty deletes none',
  parse: (text) => {
    if (text.length > 256) throw new RangeError('at most 256 characters can be excluded');
    return text;
  },
};
