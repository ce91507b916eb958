// A worker file of one's own.

import 'ohmic/worker';
