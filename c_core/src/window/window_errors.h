/* The errors of a history as a window has them, for sums over its errors. */
#ifndef OTR_WINDOW_ERRORS_H
#define OTR_WINDOW_ERRORS_H

#include "window/window_internal.h"

/* Keeps the window's errors whole beside its graph, whose topology and numbers are laid out: of each error of
 * the history the pieces whose edges the window has. A piece that is cut flips the detector that the window
 * sees; one that a lower rank owns flips none. None are kept if the history keeps none, or has errors that
 * are likelier than not to happen. OTR_ERR_MEMORY. */
otr_status otr_window_keep_errors(otr_window *window);

#endif
