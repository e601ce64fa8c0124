/* Runs a fuzz target on the files named on the command line, instead of a fuzzer's main. */
#include "fuzz.h"

static void run_file(const char *path) {
    FILE *const file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size;
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size >= 0);
    rewind(file);
    data = allocate((size_t)size);
    CHECK(fread(data, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        fprintf(stderr, "%s\n", argv[i]);
        run_file(argv[i]);
    }
    return 0;
}
