/* All attenuations from all omegas by weighted least squares, none below a floor, each drawn to a prior
 * value.
 *
 * With z_g the factor of group g on its scaled prior, the sum over omegas of weight (omega - sum of
 * attenuations that it sees)^2, plus the sum over groups of (z_g - 1)^2 / spread^2, is least under z_g >=
 * floor. The variables are scaled so that the diagonal of the quadratic form is 1. The method is conjugate
 * gradients on the groups that are free, with steps that bind and free others: MPRGP (Dostal, Schoeberl,
 * Comput. Optim. Appl. 30, 2005). */
#ifndef OTR_REGRESSION_H
#define OTR_REGRESSION_H

#include "estimate/detector_sets.h"
#include "estimate/error_classes.h"
#include "estimate/incidence.h"
#include "estimate/rate_groups.h"

typedef struct otr_regression {
    const otr_rate_groups *groups; /* borrowed */
    uint32_t class_count;
    uint32_t variable_count; /* groups */
    size_t row_count;
    size_t *begin;   /* row -> classes that its set sees */
    uint32_t *items; /* into classes */
    uint32_t *sets;  /* row -> set */

    double *weights;        /* of rows; 0 for rows left out */
    double *values, *pulls; /* scratch: of classes */
    double *factors;        /* variable -> factor on the prior of one unit of it */
    double *ridge;          /* share of the spread in the diagonal */
    double *lower;          /* floor of the variable */
    double *x, *gradient, *direction, *product, *target;
} otr_regression;

/* Rows for the sets that lie inside an error of the prior. OTR_ERR_LIMIT: over 2^32 places. OTR_ERR_MEMORY.
 * To be freed in any case. */
otr_status otr_regression_init(otr_regression *fit, const otr_error_classes *classes,
                               const otr_rate_groups *groups, const otr_detector_sets *sets,
                               otr_incidence *incidence);
void otr_regression_free(otr_regression *fit);
/* 0 of one that is all zero. */
size_t otr_regression_bytes(const otr_regression *fit);

/* Weighs rows by the variances that attenuations `scale` times the prior make; leaves those out whose mean,
 * expected or found, is not well above 0. Returns how many are used. */
size_t otr_regression_weigh(otr_regression *fit, const double *prior, double scale, const double *omegas,
                            double shots);
/* The factor of the prior that fits the omegas best; 1 without rows. */
double otr_regression_scale(const otr_regression *fit, const double *prior, const double *omegas);
/* Fills in attenuations of classes, and factors of groups; `scale` is that of the prior. Returns the steps
 * taken, at most OTR_RATES_ITERATIONS_MAX. Allocates nothing. */
uint32_t otr_regression_solve(otr_regression *fit, double scale, double spread, double floor,
                              const double *omegas, double *attenuations, double *factors);
/* Mean over the rows used of weight (omega - attenuations seen)^2; 0 without rows. */
double otr_regression_chi_square(const otr_regression *fit, const double *attenuations, const double *omegas);

#endif
