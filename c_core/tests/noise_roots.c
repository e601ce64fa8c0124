/* Prints the probability of each Pauli of a two-qubit depolarisation for those of the command line. */
#include "code/noise.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **values) {
    for (int i = 1; i < count; i++) {
        printf("%a\n", otr_depolarize2_independent(strtod(values[i], NULL)));
    }
    return 0;
}
