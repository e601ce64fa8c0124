/* How unlikely counts of two events are if errors have a given attenuation together.
 *
 * Of two parities with rates q1, q2, and Z = 1 - 2 q, attenuation a of the errors that flip both makes
 * Z12 = Z1 Z2 e^(2 a), and p11 = (1 - Z1 - Z2 + Z12) / 4 of the shots have both. The rates are nuisances:
 * with f1 = d p11 / d q1 = (1 - Z2 e^(2 a)) / 2, and f2 alike, the sum over shots of x1 x2 - f1 x1 - f2 x2
 * does not depend on small errors in them. Its tail is that of independent shots with four outcomes, by the
 * saddlepoint of the cumulant function (Lugannani and Rice; for integers, Daniels, Int. Stat. Rev. 55, 37):
 * close also where few shots have both events, where a normal distribution would be wrong by orders of
 * magnitude. */
#ifndef OTR_EVENT_TABLE_H
#define OTR_EVENT_TABLE_H

#include <stdbool.h>

typedef struct otr_event_table {
    double shots;
    double first, second, both; /* shots with the event */
} otr_event_table;

/* Signed: as many standard deviations of a normal distribution as the counts of the table are beyond the
 * expectation. `rates` of both events with which the attenuation is possible; variance is that of one shot's
 * term. */
typedef struct otr_table_test {
    double z;
    double variance;
} otr_table_test;

/* Whether events of these rates can have this attenuation together, neither of them certain. */
bool otr_table_possible(double first, double second, double attenuation);
/* The rates may be those of the table. */
otr_table_test otr_table_compare(const otr_event_table *table, double first, double second,
                                 double attenuation);
/* The standard error of the attenuation of both, over one shot, at these rates. */
double otr_table_deviation(double first, double second, double attenuation);
/* The same for a single event of a rate within 0 and 1. */
double otr_rate_compare(double shots, double count, double rate);

#endif
