import type { PublishRule } from '../domain/publishSecrets.ts';
import { ADDRESS_LIST_ALLOWED, AddressList } from '../tcp/addressList.ts';
import type { SettingType } from './settingTypes.ts';
import { hasControls } from './settingTypes.ts';

/** Addresses that may do something. */
export const addressList: SettingType<AddressList> = {
  allowed: ADDRESS_LIST_ALLOWED,
  parse: (text) => new AddressList(text),
};

/** A bearer token (RFC 6750); its messages do not repeat it. */
export const bearerToken: SettingType<string> = {
  allowed: 'a token of letters, digits and - . _ ~ + / =; empty asks for none',
  parse: (text) => {
    const token = text.trim();
    if (/^[A-Za-z0-9\-._~+/=]*$/.test(token)) return token;
    throw new RangeError(`the token is not allowed; it must be ${bearerToken.allowed}`);
  },
};

/** Users of HTTP Basic (RFC 7617), each as `user:password`; messages repeat no password. */
export const basicUsers: SettingType<readonly string[]> = {
  allowed: 'a list of user:password, divided by commas, which a password cannot hold; empty asks for none',
  parse: (text) => {
    const users = text.trim() === '' ? [] : text.split(',').map((user) => user.trim());
    const names = users.map((user) => user.split(':', 1)[0] ?? '');
    users.forEach((user, i) => {
      const name = names[i] ?? '';
      if (!/^[^:]+:./.test(user) || hasControls(user))
        throw new RangeError(`user ${i + 1} is not allowed; it must be ${basicUsers.allowed}`);
      if (names.indexOf(name) !== i) throw new RangeError(`user ${i + 1} is there twice: ${name}`);
    });
    return users;
  },
};

/** Secrets of publishers, each as `pattern=secret`; messages repeat no secret. */
export const publishRules: SettingType<readonly PublishRule[]> = {
  allowed:
    'a list of pattern=secret, divided by commas, which a secret cannot hold, as in cam*=s3cr3t,*=0ther; in a pattern ' +
    '* stands for any characters and ? for one; empty asks for none',
  parse: (text) => {
    const entries = text.trim() === '' ? [] : text.split(',');
    return entries.map((entry, i) => {
      const [, pattern = '', secret = ''] = /^([^=]*)=(.*)$/s.exec(entry) ?? [];
      const rule = { pattern: pattern.trim(), secret: secret.trim() };
      if (rule.pattern === '' || rule.secret === '' || hasControls(entry))
        throw new RangeError(`entry ${i + 1} is not allowed; it must be ${publishRules.allowed}`);
      return rule;
    });
  },
};
