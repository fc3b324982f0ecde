import type { StatGroups } from '../domain/liveState.ts';

/** Ends the name of most groups in `groups=`. */
const SUFFIX = /_stats$/;

/** The groups that a client asks for, by their whole names or without `_stats`; all when it names none. */
export function chosenGroups(groups: StatGroups, wanted: string | undefined): StatGroups {
  const names = (wanted ?? '').split(',').filter((name) => name !== '');
  if (names.length === 0) return groups;
  const isWanted = (group: string): boolean => names.includes(group) || names.includes(shortOf(group));
  return Object.fromEntries(Object.entries(groups).filter(([group]) => isWanted(group)));
}

/**
 * WCS's text: of each group a line of dashes with its name, then `key=value` lines. It begins with such a line, because
 * the official parser fails on anything before the first one.
 */
export function statText(groups: StatGroups): string {
  const lines = Object.entries(groups).flatMap(([group, figures]) => {
    const name = shortOf(group);
    const title = `${name.charAt(0).toUpperCase()}${name.slice(1)} Stats`;
    return [`-----${title}-----`, ...Object.entries(figures).map(([key, value]) => `${key}=${value}`)];
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** `streams_stats` is the group `stream` of the official console, which takes the word of the title for it. */
function shortOf(group: string): string {
  const name = group.replace(SUFFIX, '');
  return name === 'streams' || name === 'connections' ? name.slice(0, -1) : name;
}
