const { IntersectionObserver } = globalThis;
/** A browser opens six connections to a server: pictures that wait to be made must leave some for everything else. */
const AT_ONCE = 2;

const queue = [];
let loading = 0;

/** An image that is hidden is never in sight: what holds it is watched. */
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      queue.push(target.querySelector('img'));
    }
    loadNext();
  },
  { rootMargin: '200px' },
);

/** Loads the picture at `url` when its place comes into sight; where there is none the image stays hidden. */
export function loadPicture(image, url) {
  image.dataset.url = url;
  observer.observe(image.parentElement);
}

function loadNext() {
  while (loading < AT_ONCE && queue.length > 0) {
    const image = queue.shift();
    // Its row may be gone by now.
    if (!image.isConnected) continue;
    loading++;
    const end = (isShown) => {
      image.hidden = !isShown;
      loading--;
      loadNext();
    };
    image.onload = () => end(true);
    image.onerror = () => end(false);
    image.src = image.dataset.url;
  }
}
