const { IntersectionObserver } = globalThis;
/** A browser opens six connections to a server: pictures that wait to be made must leave some for everything else. */
const AT_ONCE = 2;

const waiting = new Map();
let loading = 0;

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      queue.push(target);
    }
    loadNext();
  },
  { rootMargin: '200px' },
);
const queue = [];

/** Loads the picture at `url` when the image comes into sight; one that there is none of stays hidden. */
export function loadPicture(image, url) {
  image.hidden = true;
  waiting.set(image, url);
  observer.observe(image.parentElement);
}

function loadNext() {
  while (loading < AT_ONCE && queue.length > 0) {
    const image = queue.shift().querySelector('img');
    const url = waiting.get(image);
    waiting.delete(image);
    // Its row may be gone by now.
    if (url === undefined || !image.isConnected) continue;
    loading++;
    const end = (isShown) => {
      image.hidden = !isShown;
      loading--;
      loadNext();
    };
    image.onload = () => end(true);
    image.onerror = () => end(false);
    image.src = url;
  }
}
