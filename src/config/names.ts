import { characterSet, nameEncoding, nameTemplate } from './nameTypes.ts';
import { oneOf, setting } from './settingTypes.ts';

/** File names of the recordings. */
export const NAMES = {
  stream_record_policy: setting({
    type: oneOf('streamName', 'template'),
    initial: 'template',
    doc: 'Names files after the stream, or by stream_record_policy_template.',
    apply: 'live',
    wcs: true,
  }),
  stream_record_policy_template: setting({
    type: nameTemplate,
    initial: 'stream-{mediaSessionId}-{login}',
    doc: 'File name without extension.',
    apply: 'live',
    wcs: true,
  }),
  encode_record_name: setting({
    type: nameEncoding,
    initial: 'false',
    doc: 'Writes the file name as hexadecimal digits or BASE64, for stream names that no file may have.',
    apply: 'live',
    wcs: true,
  }),
  exclude_record_name_characters: setting({
    type: characterSet,
    initial: '/',
    doc: 'Characters that are deleted from the file name.',
    apply: 'live',
    wcs: true,
  }),
} as const;
