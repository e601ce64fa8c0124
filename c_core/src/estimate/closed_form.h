/* Attenuations of classes by inclusion and exclusion, and their variances.
 *
 * With r_W = 2^-(n-1) sum of (-1)^(|T| + 1) omega_T over the subsets T of the n detectors of W, the
 * attenuation of all errors that flip every detector of W, a class S has a_S = r_S - sum of a_W over the
 * classes W that contain S. What was learned of W may be drawn to a prior: only a share of it comes from
 * omegas. So a_S is a weighted sum of omegas, but for a constant, and its variance is that of the weights
 * under the covariance of omegas. The latter is (e^(2 m) - 1) / shots for two sets, m being the attenuation
 * of the errors that both see, since Z of their symmetric difference / (Z Z') = e^(2 m). */
#ifndef OTR_CLOSED_FORM_H
#define OTR_CLOSED_FORM_H

#include "estimate/detector_sets.h"
#include "estimate/error_classes.h"
#include "estimate/incidence.h"

typedef struct otr_closed_form {
    const otr_error_classes *classes; /* borrowed */
    const otr_detector_sets *sets;    /* borrowed */
    otr_incidence incidence;          /* of classes */
    uint32_t *subsets;      /* OTR_SUBSETS for each class: sets of its subsets; OTR_NO_SET without one */
    size_t *superset_begin; /* class -> classes that contain it, by size */
    uint32_t *supersets;
    uint8_t *is_kept; /* class -> its prior counts */

    /* Scratch of one sum. */
    double *factors;      /* for a class and each superset: how often it counts */
    double *coefficients; /* set -> its weight */
    uint8_t *is_used;     /* set -> stands among those used */
    uint32_t *used;       /* sets with a weight, and their number */
    size_t used_count;
    size_t used_capacity;
    uint32_t *heads; /* class -> newest link */
    struct otr_set_link {
        uint32_t class, used; /* the class sees this one of the sets used */
        uint32_t next;        /* an older link of the class */
    } * links;
    size_t link_capacity;
    struct otr_shared_view {
        double attenuation; /* of the classes that this set and the newest one both see */
        uint32_t newest;    /* which one that was, and 1 more; 0 for none so far */
    } * shared;             /* for each set used */
    size_t shared_capacity;
    uint32_t *touched; /* sets that share something with the newest one */
    size_t touched_capacity;
} otr_closed_form;

#define OTR_SUBSETS 15
#define OTR_NO_SET UINT32_MAX

/* OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_closed_form_init(otr_closed_form *form, const otr_error_classes *classes,
                                const otr_detector_sets *sets, uint32_t detector_count);
void otr_closed_form_free(otr_closed_form *form);
size_t otr_closed_form_bytes(const otr_closed_form *form);
/* Fills in is_kept, for classes without a set or with one whose omega is not a number. */
void otr_closed_form_begin(otr_closed_form *form, const double *omegas);
/* The attenuation of a class that is not kept, from those that were learned of its supersets. */
double otr_closed_form_estimate(const otr_closed_form *form, uint32_t class, const double *omegas,
                                const double *learned);
/* Shots times the variance of the sum over classes, of which none is kept, of their estimates, as errors of
 * these attenuations (not below 0) make it. `shares` has what of each superset's attenuation comes from
 * omegas; NULL for all. OTR_ERR_MEMORY. */
otr_status otr_closed_form_variance(otr_closed_form *form, const uint32_t *classes, size_t count,
                                    const double *shares, const double *attenuations, double *variance);

#endif
