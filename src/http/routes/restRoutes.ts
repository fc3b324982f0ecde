import type { HttpServices } from '../services.ts';
import { catalogueRoutes } from './catalogueRoutes.ts';
import { connectionRoutes } from './connectionRoutes.ts';
import { hookRoutes } from './hookRoutes.ts';
import { pullRoutes } from './pullRoutes.ts';
import { recordingRoutes } from './recordingRoutes.ts';
import { reportRoutes } from './reportRoutes.ts';
import type { Route } from './route.ts';
import { rtspRoutes } from './rtspRoutes.ts';
import { streamRoutes } from './streamRoutes.ts';

/** Everything under `/rest-api` that takes and gives JSON. The services are not touched before a request comes. */
export function restRoutes(services: HttpServices): readonly Route[] {
  return [
    ...streamRoutes(services),
    ...recordingRoutes(services),
    ...hookRoutes(services),
    ...reportRoutes(services),
    ...catalogueRoutes(services),
    ...connectionRoutes(services),
    ...rtspRoutes(services.captures),
    ...pullRoutes(services.captures),
  ];
}
