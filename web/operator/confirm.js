import { element, isBusy, setBusy, setText, show } from './dom.js';
import { tell } from './notices.js';
import { rest } from './rest.js';
import { bytes, count, time } from './words.js';

/** Asks before a recording is deleted, and once more when its hook has not ended well. */
export class DeleteDialog {
  #dialog = element('confirm');
  #go = element('confirm-go');
  #recording;
  #force = false;

  /** @param onDeleted called when it is gone. */
  constructor(onDeleted) {
    this.#go.addEventListener('click', () => void this.#delete(onDeleted));
  }

  open(recording) {
    this.#recording = recording;
    this.#force = false;
    const { streamName, partCount, startedAt } = recording;
    setText(element('confirm-title'), `Delete ${streamName}?`);
    const files = `${count(partCount, 'file')}, ${bytes(recording.bytes)}, recorded ${time(startedAt)}`;
    setText(element('confirm-text'), `${files}. This cannot be undone.`);
    show(element('confirm-problem'), false);
    setText(this.#go, 'Delete');
    setBusy(this.#go, false);
    this.#dialog.showModal();
  }

  async #delete(onDeleted) {
    if (isBusy(this.#go)) return;
    setBusy(this.#go, true);
    const { recordingId, streamName } = this.#recording;
    try {
      await rest('/catalogue/delete', { recordingId, force: this.#force });
      this.#dialog.close();
      tell('good', `${streamName} is deleted.`);
      onDeleted();
    } catch (error) {
      this.#refused(error);
    }
    setBusy(this.#go, false);
  }

  #refused({ code, message }) {
    const isHook = code === 'HOOK_UNFINISHED' && !this.#force;
    const text = isHook
      ? 'Its hook has not ended well: whatever it does with the file is not done.'
      : message;
    setText(element('confirm-problem'), text);
    show(element('confirm-problem'), true);
    if (!isHook) return;
    this.#force = true;
    setText(this.#go, 'Delete anyway');
  }
}
