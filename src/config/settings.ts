import { ACCESS } from './access.ts';
import { CAPTURES } from './captures.ts';
import { CATALOGUE } from './catalogue.ts';
import { DOORS } from './doors.ts';
import { HOOKS } from './hooks.ts';
import { NAMES } from './names.ts';
import { OBSERVABILITY } from './observability.ts';
import { PROCESS } from './process.ts';
import { RECORDING } from './recording.ts';
import { REPORTS } from './reports.ts';
import { RTMP } from './rtmp.ts';
import { RTSP } from './rtsp.ts';
import { SIGNALLING } from './signalling.ts';
import type { Setting } from './settingTypes.ts';
import { WEBRTC } from './webrtc.ts';

/** The table of settings: whatever is known about a key is read from here, and only from here. */
export const SETTINGS = {
  ...DOORS,
  ...ACCESS,
  ...RTMP,
  ...RTSP,
  ...SIGNALLING,
  ...WEBRTC,
  ...CAPTURES,
  ...RECORDING,
  ...NAMES,
  ...HOOKS,
  ...REPORTS,
  ...CATALOGUE,
  ...OBSERVABILITY,
  ...PROCESS,
} as const;

/** WCS's spelling of a key, e.g. `record_streams` or `rtmp.port`. */
export type SettingKey = keyof typeof SETTINGS;

/** The value of every key, by the key itself. Frozen. */
export type Settings = {
  readonly [K in SettingKey]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;
};

/** Keys in the order of the documentation. */
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** The table in chapters, for the example file and the manual. */
export const SETTING_GROUPS: readonly {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting<unknown>>>;
}[] = [
  { title: 'Addresses, ports and certificates', settings: DOORS },
  { title: 'Access and limits', settings: ACCESS },
  { title: 'RTMP', settings: RTMP },
  { title: 'RTSP', settings: RTSP },
  { title: 'Web SDK and WHIP', settings: SIGNALLING },
  { title: 'WebRTC', settings: WEBRTC },
  { title: 'Captures', settings: CAPTURES },
  { title: 'Recording', settings: RECORDING },
  { title: 'File names', settings: NAMES },
  { title: 'Hook', settings: HOOKS },
  { title: 'Integrity reports', settings: REPORTS },
  { title: 'Catalogue and retention', settings: CATALOGUE },
  { title: 'Metrics and events', settings: OBSERVABILITY },
  { title: 'Process and log', settings: PROCESS },
];

/** True for a key of the table. */
export const isSettingKey = (key: string): key is SettingKey => Object.hasOwn(SETTINGS, key);
