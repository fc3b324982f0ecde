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
