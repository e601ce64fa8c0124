/* Attenuations of classes by inclusion and exclusion, and their standard errors.
 *
 * With r_W = 2^-(n-1) sum of (-1)^(|T| + 1) omega_T over the subsets T of the n detectors of W, the
 * attenuation of all errors that flip every detector of W, a class S has a_S = r_S - sum of a_W over the
 * classes W that contain S. So a_S is a weighted sum of omegas, whose variance is that of the weights under
 * the covariance of omegas. The latter is (e^(2 m) - 1) / shots for two sets, m being the attenuation of the
 * errors that both see, since Z of their symmetric difference / (Z Z') = e^(2 m). */
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

    /* Scratch of one class. */
    double *factors;      /* for it and each superset: how often it counts */
    double *coefficients; /* set -> its weight */
    uint32_t *used;       /* sets with a weight, and their number */
    size_t used_count;
    size_t used_capacity;
    uint32_t *heads; /* class -> newest link */
    struct otr_set_link {
        uint32_t class, used; /* the class sees this one of the sets used */
        uint32_t next;        /* an older link of the class */
    } * links;
    size_t link_capacity;
    double *seen_by_both; /* for each set used */
    size_t seen_capacity;
} otr_closed_form;

#define OTR_SUBSETS 15
#define OTR_NO_SET UINT32_MAX

/* OTR_ERR_MEMORY. To be freed in any case. */
otr_status otr_closed_form_init(otr_closed_form *form, const otr_error_classes *classes,
                                const otr_detector_sets *sets, uint32_t detector_count);
void otr_closed_form_free(otr_closed_form *form);
size_t otr_closed_form_bytes(const otr_closed_form *form);
/* Fills in the attenuations of all classes, and is_kept for those without a set or with one whose omega is
 * not a number. OTR_ERR_MEMORY. */
otr_status otr_closed_form_estimate(otr_closed_form *form, const double *omegas, double *attenuations);
/* Fills in standard errors, as errors of these attenuations (not below 0) make them; HUGE_VAL where it is
 * kept. */
otr_status otr_closed_form_deviations(otr_closed_form *form, const double *attenuations, double shots,
                                      double *deviations);

#endif
