/* Cuts a window out of a matching graph: first the topology, then the numbers. Nodes keep their order, so
 * edges do too: those between two nodes of the window are copied, and what a node has of cut and boundary
 * edges is combined behind them. Correlation rules follow their edges; those of edges that are decided come
 * last. */
#include "outrider/window.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/bits.h"
#include "common/error.h"
#include "graph/correlations.h"
#include "graph/graph_build.h"
#include "graph/numbers.h"
#include "window/window_errors.h"
#include "window/window_internal.h"

/* A correlation rule, by edges of the window. */
typedef struct window_rule {
    uint32_t edge;
    int32_t weight;
} window_rule;

/* A window in the making. */
typedef struct window_build {
    otr_window *window;
    const otr_graph *history;
    const uint8_t *roles;
    uint32_t *parts; /* of the node at hand: cut edges, ascending, then the boundary edge */
    size_t part_capacity;
    window_rule *rules; /* of the edge at hand */
    size_t rule_capacity;
} window_build;

static otr_status check_roles(const otr_graph *graph, const uint8_t *roles, otr_error *error);
static bool number_nodes(window_build *build);
static bool allocate_edges(window_build *build);
static bool add_edges(window_build *build);
static bool number_recalled(window_build *build);
static bool note_informing(window_build *build);
static void count_outward(otr_window *window);
static otr_window *borrow_topology(const otr_window *window, const otr_graph *history);
static bool set_numbers(window_build *build);
static bool is_owned(const otr_window *window, uint32_t edge);
static bool touches(const window_build *build, uint32_t edge, otr_window_role role);

otr_status otr_window_create(otr_window **out, const otr_graph *graph, const uint8_t *roles,
                             otr_error *error) {
    window_build build = {.history = graph, .roles = roles};
    otr_window *window;
    otr_status status;
    bool enough;
    if (out == NULL || graph == NULL || roles == NULL) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no graph, no roles or no place for the window");
    }
    status = check_roles(graph, roles, error);
    if (status != OTR_OK) {
        return status;
    }
    window = otr_array_zeroed(1, sizeof *window);
    if (window != NULL) {
        window->history = graph;
        window->heap_bytes = sizeof *window;
        window->graph = otr_array_zeroed(1, sizeof *window->graph);
    }
    build.window = window;
    enough = window != NULL && window->graph != NULL && number_nodes(&build) && allocate_edges(&build) &&
             add_edges(&build) && otr_graph_link(window->graph) && number_recalled(&build) &&
             note_informing(&build);
    if (enough) {
        count_outward(window);
        enough = set_numbers(&build) && otr_window_keep_errors(window) == OTR_OK;
    }
    free(build.parts);
    free(build.rules);
    if (!enough) {
        otr_window_destroy(window);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    *out = window;
    return OTR_OK;
}

otr_status otr_window_reweighted(otr_window **out, const otr_window *window, const otr_graph *history,
                                 otr_error *error) {
    window_build build = {.history = history};
    otr_window *copy;
    bool enough;
    if (out == NULL || window == NULL || history == NULL || !otr_graph_is_alike(window->history, history)) {
        return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0,
                             "no window, no place for it, or a graph of another topology");
    }
    copy = borrow_topology(window, history);
    build.window = copy;
    enough = copy != NULL && set_numbers(&build);
    free(build.rules);
    if (!enough) {
        otr_window_destroy(copy);
        return otr_error_set(error, OTR_ERR_MEMORY, 0, 0, "out of memory");
    }
    *out = copy;
    return OTR_OK;
}

void otr_window_destroy(otr_window *window) {
    if (window == NULL) {
        return;
    }
    otr_graph_destroy(window->graph);
    if (window->lender == NULL) {
        free(window->detectors);
        free(window->nodes.to);
        free(window->edges.to);
        free(window->in_cell);
        free(window->part_begin);
        free(window->parts);
        free(window->recalled.to);
        free(window->recalled_edges);
        free(window->part_informs);
    }
    free(window->informs);
    free(window->source);
    free(window);
}

const otr_graph *otr_window_graph(const otr_window *window) {
    return window->graph;
}

const uint32_t *otr_window_detectors(const otr_window *window, size_t *count) {
    *count = window->graph->node_count;
    return window->detectors;
}

otr_status otr_window_edge_at(const otr_window *window, uint32_t edge, otr_window_edge *out) {
    if (edge >= window->graph->edge_count) {
        return OTR_ERR_INDEX;
    }
    out->source = window->source[edge];
    out->part_count = window->part_begin[edge + 1] - window->part_begin[edge];
    out->owned = is_owned(window, edge);
    return OTR_OK;
}

uint32_t otr_window_blind_count(const otr_window *window) {
    return window->blind_count;
}

uint32_t otr_window_marks_max(const otr_window *window) {
    return window->marks_max;
}

size_t otr_window_bytes(const otr_window *window) {
    return window->heap_bytes + sizeof *window->graph + window->graph->heap_bytes;
}

/* Whether an edge touches the cell. */
static bool is_owned(const otr_window *window, uint32_t edge) {
    const uint32_t node2 = window->graph->edge_node2[edge];
    return otr_bit_get(window->in_cell, window->graph->edge_node1[edge]) ||
           (node2 != OTR_BOUNDARY && otr_bit_get(window->in_cell, node2));
}

static otr_status check_roles(const otr_graph *graph, const uint8_t *roles, otr_error *error) {
    bool has_cell = false;
    for (uint32_t node = 0; node < graph->node_count; node++) {
        if (roles[node] > OTR_WINDOW_CLOSED) {
            return otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "detector %u has role %u, which is none",
                                 node, roles[node]);
        }
        has_cell |= roles[node] == OTR_WINDOW_CELL;
    }
    return has_cell ? OTR_OK : otr_error_set(error, OTR_ERR_ARGUMENT, 0, 0, "no detector is in the cell");
}

static bool is_seen(uint8_t role) {
    return role == OTR_WINDOW_CELL || role == OTR_WINDOW_BUFFER;
}

/* Memory that the window owns and accounts for; NULL when memory is out. */
static void *allocate(otr_window *window, size_t count, size_t element_bytes) {
    void *memory = otr_array_zeroed(count, element_bytes);
    if (memory != NULL) {
        window->heap_bytes += count * element_bytes;
    }
    return memory;
}

/* Room for a map of the numbers first .. last, none of them the window's. */
static bool start_map(otr_window *window, otr_window_map *map, uint32_t first, uint32_t last) {
    map->first = first;
    map->count = last - first + 1;
    map->to = allocate(window, map->count, sizeof *map->to);
    for (uint32_t i = 0; map->to != NULL && i < map->count; i++) {
        map->to[i] = OTR_NONE;
    }
    return map->to != NULL;
}

static bool number_nodes(window_build *build) {
    otr_window *const window = build->window;
    otr_graph *const graph = window->graph;
    uint32_t first = OTR_NONE;
    uint32_t last = 0;
    for (uint32_t node = 0; node < build->history->node_count; node++) {
        if (is_seen(build->roles[node])) {
            first = first == OTR_NONE ? node : first;
            last = node;
            graph->node_count++;
        }
    }
    window->detectors = allocate(window, graph->node_count, sizeof *window->detectors);
    window->in_cell = allocate(window, otr_bytes_for_bits(graph->node_count), 1);
    if (window->detectors == NULL || window->in_cell == NULL ||
        !start_map(window, &window->nodes, first, last)) {
        return false;
    }
    graph->node_count = 0;
    for (uint32_t node = first; node <= last; node++) {
        if (is_seen(build->roles[node])) {
            window->detectors[graph->node_count] = node;
            window->nodes.to[node - first] = graph->node_count;
            if (build->roles[node] == OTR_WINDOW_CELL) {
                otr_bit_flip(window->in_cell, graph->node_count);
            }
            graph->node_count++;
        }
    }
    return true;
}

/* Fills build->parts for a detector. False when memory is out. */
static bool gather_parts(window_build *build, uint32_t detector, size_t *count) {
    const otr_graph *const history = build->history;
    const uint32_t end = history->arc_begin[detector + 1];
    const uint32_t boundary = history->boundary_edge[detector];
    *count = 0;
    if (!otr_array_reserve((void **)&build->parts, &build->part_capacity,
                           (size_t)end - history->arc_begin[detector] + 1, sizeof *build->parts)) {
        return false;
    }
    for (uint32_t arc = history->arc_begin[detector]; arc < end; arc++) {
        if (build->roles[history->arc_head[arc]] == OTR_WINDOW_OUTSIDE) {
            build->parts[(*count)++] = history->arc_edge[arc];
        }
    }
    if (boundary != OTR_NONE) {
        build->parts[(*count)++] = boundary;
    }
    return true;
}

/* Whether the arc leads to a later node of the window. */
static bool leads_on(const window_build *build, uint32_t detector, uint32_t arc) {
    const uint32_t head = build->history->arc_head[arc];
    return head > detector && is_seen(build->roles[head]);
}

/* Counts edges and parts, and makes room for them. */
static bool allocate_edges(window_build *build) {
    otr_window *const window = build->window;
    const otr_graph *const history = build->history;
    otr_graph *const graph = window->graph;
    size_t edges = 0, parts = 0;
    uint32_t first = OTR_NONE;
    uint32_t last = 0;
    for (uint32_t node = 0; node < graph->node_count; node++) {
        const uint32_t detector = window->detectors[node];
        size_t count;
        if (!gather_parts(build, detector, &count)) {
            return false;
        }
        for (uint32_t arc = history->arc_begin[detector]; arc < history->arc_begin[detector + 1]; arc++) {
            const uint32_t edge = history->arc_edge[arc];
            if (leads_on(build, detector, arc)) {
                edges++;
                parts++;
                first = edge < first ? edge : first;
                last = edge > last ? edge : last;
            }
        }
        edges += count > 0;
        parts += count;
        for (size_t i = 0; i < count; i++) {
            first = build->parts[i] < first ? build->parts[i] : first;
            last = build->parts[i] > last ? build->parts[i] : last;
        }
    }
    if (edges == 0) {
        first = last;
    }
    graph->edge_node1 = otr_graph_allocate(graph, edges, sizeof *graph->edge_node1);
    graph->edge_node2 = otr_graph_allocate(graph, edges, sizeof *graph->edge_node2);
    window->part_begin = allocate(window, edges + 1, sizeof *window->part_begin);
    window->parts = allocate(window, parts, sizeof *window->parts);
    return graph->edge_node1 != NULL && graph->edge_node2 != NULL && window->part_begin != NULL &&
           window->parts != NULL && start_map(window, &window->edges, first, last);
}

/* Appends an edge of the parts given. */
static void add_edge(otr_window *window, uint32_t node1, uint32_t node2, const uint32_t *parts,
                     size_t count) {
    otr_graph *const graph = window->graph;
    const uint32_t edge = graph->edge_count++;
    uint32_t part_end = window->part_begin[edge];
    for (size_t i = 0; i < count; i++) {
        window->edges.to[parts[i] - window->edges.first] = edge;
        window->parts[part_end++] = parts[i];
    }
    window->part_begin[edge + 1] = part_end;
    graph->edge_node1[edge] = node1;
    graph->edge_node2[edge] = node2;
}

static bool add_edges(window_build *build) {
    otr_window *const window = build->window;
    const otr_graph *const history = build->history;
    otr_graph *const graph = window->graph;
    graph->observable_count = history->observable_count;
    graph->correlations = history->correlations;
    for (uint32_t node = 0; node < graph->node_count; node++) {
        const uint32_t detector = window->detectors[node];
        size_t count;
        for (uint32_t arc = history->arc_begin[detector]; arc < history->arc_begin[detector + 1]; arc++) {
            const uint32_t edge = history->arc_edge[arc];
            if (leads_on(build, detector, arc)) {
                add_edge(window, node, otr_window_number(&window->nodes, history->arc_head[arc]), &edge, 1);
            }
        }
        if (!gather_parts(build, detector, &count)) {
            return false;
        }
        if (count > 0) {
            add_edge(window, node, OTR_BOUNDARY, build->parts, count);
        }
    }
    return true;
}

/* Whether an edge of the history ends at a detector of this role. */
static bool touches(const window_build *build, uint32_t edge, otr_window_role role) {
    const uint32_t node2 = build->history->edge_node2[edge];
    return build->roles[build->history->edge_node1[edge]] == role ||
           (node2 != OTR_BOUNDARY && build->roles[node2] == role);
}

/* Whether a lower rank owns an edge that has rules for edges of the window. */
static bool is_recalled(const window_build *build, uint32_t edge) {
    const otr_graph *const history = build->history;
    if (!touches(build, edge, OTR_WINDOW_CLOSED)) {
        return false;
    }
    for (uint32_t i = history->implied_begin[edge]; i < history->implied_begin[edge + 1]; i++) {
        if (otr_window_number(&build->window->edges, history->implied_edge[i]) != OTR_NONE) {
            return true;
        }
    }
    return false;
}

/* Numbers the edges that are recalled, from the graph's own on, and lists them. False when memory is out. */
static bool number_recalled(window_build *build) {
    otr_window *const window = build->window;
    const otr_graph *const history = build->history;
    size_t capacity = 0;
    for (uint32_t edge = 0; history->correlations && edge < history->edge_count; edge++) {
        if (is_recalled(build, edge)) {
            if (!OTR_ARRAY_GROW(window->recalled_edges, window->recalled_count, capacity)) {
                return false;
            }
            window->recalled_edges[window->recalled_count++] = edge;
        }
    }
    if (window->recalled_count == 0) {
        return true;
    }
    window->heap_bytes += capacity * sizeof *window->recalled_edges;
    if (!start_map(window, &window->recalled, window->recalled_edges[0],
                   window->recalled_edges[window->recalled_count - 1])) {
        return false;
    }
    for (uint32_t i = 0; i < window->recalled_count; i++) {
        window->recalled.to[window->recalled_edges[i] - window->recalled.first] =
            window->graph->edge_count + i;
    }
    return true;
}

/* Notes the owned parts with rules for edges that the cell leaves to higher ranks. False when memory is out.
 */
static bool note_informing(window_build *build) {
    const otr_graph *const history = build->history;
    otr_window *const window = build->window;
    const uint32_t edges = window->graph->edge_count;
    window->part_informs = allocate(window, otr_bytes_for_bits(window->part_begin[edges]), 1);
    if (window->part_informs == NULL) {
        return false;
    }
    for (uint32_t part = 0; history->correlations && part < window->part_begin[edges]; part++) {
        const uint32_t edge = window->parts[part];
        bool informs = false;
        for (uint32_t i = history->implied_begin[edge]; i < history->implied_begin[edge + 1]; i++) {
            const uint32_t target = history->implied_edge[i];
            informs |= !touches(build, target, OTR_WINDOW_CELL) && !touches(build, target, OTR_WINDOW_CLOSED);
        }
        if (informs && is_owned(window, otr_window_number(&window->edges, edge))) {
            otr_bit_flip(window->part_informs, part);
        }
    }
    return true;
}

/* Counts the owned edges that are cut, and those that leave the cell at all. */
static void count_outward(otr_window *window) {
    const otr_graph *const graph = window->graph;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const uint32_t node1 = graph->edge_node1[edge];
        const uint32_t node2 = graph->edge_node2[edge];
        if (!is_owned(window, edge)) {
            continue;
        }
        if (node2 == OTR_BOUNDARY) {
            for (uint32_t part = window->part_begin[edge]; part < window->part_begin[edge + 1]; part++) {
                const bool is_cut = window->history->edge_node2[window->parts[part]] != OTR_BOUNDARY;
                window->blind_count += (uint32_t)is_cut;
                window->outward_count += (uint32_t)is_cut;
            }
        } else {
            window->outward_count +=
                otr_bit_get(window->in_cell, node1) != otr_bit_get(window->in_cell, node2);
        }
    }
}

/* Numbers. */

/* A window that has no numbers yet; NULL when memory is out. */
static otr_window *borrow_topology(const otr_window *window, const otr_graph *history) {
    otr_window *const copy = otr_array_new(1, sizeof *copy);
    otr_graph *const graph = otr_array_new(1, sizeof *graph);
    if (copy == NULL || graph == NULL) {
        free(copy);
        free(graph);
        return NULL;
    }
    *graph = *window->graph;
    graph->lender = window->graph->lender != NULL ? window->graph->lender : window->graph;
    graph->edge_weight = NULL;
    graph->edge_probability = NULL;
    graph->edge_mask = NULL;
    graph->observable_begin = NULL;
    graph->observable_list = NULL;
    graph->implied_begin = NULL;
    graph->implied_edge = NULL;
    graph->implied_weight = NULL;
    graph->rules = NULL;
    graph->heap_bytes = 0;
    *copy = *window;
    copy->lender = window->lender != NULL ? window->lender : window;
    copy->history = history;
    copy->graph = graph;
    copy->source = NULL;
    copy->informs = NULL;
    copy->heap_bytes = sizeof *copy;
    return copy;
}

static uint32_t observable_count_of(const otr_graph *graph, uint32_t edge) {
    return graph->observable_begin[edge + 1] - graph->observable_begin[edge];
}

static bool allocate_numbers(otr_window *window) {
    otr_graph *const graph = window->graph;
    const size_t edges = graph->edge_count;
    size_t observables = 0; /* at most */
    for (uint32_t part = 0; part < window->part_begin[edges]; part++) {
        observables += observable_count_of(window->history, window->parts[part]);
    }
    graph->edge_weight = otr_graph_allocate(graph, edges, sizeof *graph->edge_weight);
    graph->edge_probability = otr_graph_allocate(graph, edges, sizeof *graph->edge_probability);
    graph->edge_mask = otr_graph_allocate(graph, edges, sizeof *graph->edge_mask);
    graph->observable_begin = otr_graph_allocate(graph, edges + 1, sizeof *graph->observable_begin);
    graph->observable_list = otr_graph_allocate(graph, observables, sizeof *graph->observable_list);
    window->source = allocate(window, edges, sizeof *window->source);
    window->informs = allocate(window, otr_bytes_for_bits(edges), 1);
    return graph->edge_weight != NULL && graph->edge_probability != NULL && graph->edge_mask != NULL &&
           graph->observable_begin != NULL && graph->observable_list != NULL && window->source != NULL &&
           window->informs != NULL;
}

static double combined_probability(const otr_window *window, const otr_graph *history, uint32_t edge) {
    double probability = 0;
    for (uint32_t part = window->part_begin[edge]; part < window->part_begin[edge + 1]; part++) {
        otr_probability_add(&probability, history->edge_probability[window->parts[part]]);
    }
    return probability;
}

/* The weight of an edge of several parts. Where their probability is 0, since certain ones cancel or all are
 * too rare for a double, it is the least magnitude of theirs: it takes that much to have an odd number of
 * them. */
static int32_t combined_weight(const otr_window *window, uint32_t edge, double probability) {
    const otr_graph *const history = window->history;
    int32_t lightest = OTR_WEIGHT_INFINITE;
    if (probability > 0) {
        return otr_graph_probability_weight(history, probability);
    }
    for (uint32_t part = window->part_begin[edge]; part < window->part_begin[edge + 1]; part++) {
        const int32_t weight = abs(history->edge_weight[window->parts[part]]);
        lightest = weight < lightest ? weight : lightest;
    }
    return lightest;
}

/* An edge stands for the likeliest of its parts. */
static void set_edge(otr_window *window, uint32_t edge) {
    const otr_graph *const history = window->history;
    otr_graph *const graph = window->graph;
    const uint32_t begin = window->part_begin[edge];
    const double probability = combined_probability(window, history, edge);
    uint32_t likeliest = begin;
    uint32_t end = graph->observable_begin[edge];
    uint32_t source;
    for (uint32_t part = begin + 1; part < window->part_begin[edge + 1]; part++) {
        if (history->edge_probability[window->parts[part]] >
            history->edge_probability[window->parts[likeliest]]) {
            likeliest = part;
        }
    }
    source = window->parts[likeliest];
    window->source[edge] = source;
    if (otr_bit_get(window->part_informs, likeliest)) {
        otr_bit_flip(window->informs, edge);
        window->marks_max++;
    }
    graph->edge_probability[edge] = probability;
    graph->edge_weight[edge] = window->part_begin[edge + 1] - begin == 1
                                   ? history->edge_weight[source]
                                   : combined_weight(window, edge, probability);
    graph->edge_mask[edge] = history->edge_mask[source];
    for (uint32_t i = history->observable_begin[source]; i < history->observable_begin[source + 1]; i++) {
        graph->observable_list[end++] = history->observable_list[i];
    }
    graph->observable_begin[edge + 1] = end;
}

/* Fills build->rules with what the use of an edge of the history implies for edges of the window other than
 * `own`, ascending by edge; where several rules lower one edge the strongest is kept, and none lowers one
 * whose parts cancel. Returns their number. */
static size_t gather_rules(window_build *build, uint32_t source, uint32_t own) {
    const otr_graph *const history = build->history;
    const otr_window *const window = build->window;
    size_t count = 0;
    for (uint32_t i = history->implied_begin[source]; i < history->implied_begin[source + 1]; i++) {
        const uint32_t target = otr_window_number(&window->edges, history->implied_edge[i]);
        size_t place = count;
        if (target == OTR_NONE || target == own ||
            window->graph->edge_weight[target] == OTR_WEIGHT_INFINITE) {
            continue;
        }
        while (place > 0 && build->rules[place - 1].edge > target) {
            place--;
        }
        if (place > 0 && build->rules[place - 1].edge == target) {
            if (history->implied_weight[i] < build->rules[place - 1].weight) {
                build->rules[place - 1].weight = history->implied_weight[i];
            }
            continue;
        }
        for (size_t move = count; move > place; move--) {
            build->rules[move] = build->rules[move - 1];
        }
        build->rules[place] = (window_rule){.edge = target, .weight = history->implied_weight[i]};
        count++;
    }
    return count;
}

/* The edge of the history whose rules those of an edge of the window are, or of one that it recalls. */
static uint32_t source_of(const otr_window *window, uint32_t edge) {
    const uint32_t own = window->graph->edge_count;
    return edge < own ? window->source[edge] : window->recalled_edges[edge - own];
}

static bool lay_out_rules(window_build *build) {
    const otr_graph *const history = build->history;
    otr_graph *const graph = build->window->graph;
    const uint32_t edges = graph->edge_count + build->window->recalled_count;
    size_t total = 0;
    if (!graph->correlations) {
        return true;
    }
    for (uint32_t edge = 0; edge < edges; edge++) {
        const uint32_t source = source_of(build->window, edge);
        const size_t most = history->implied_begin[source + 1] - history->implied_begin[source];
        if (!otr_array_reserve((void **)&build->rules, &build->rule_capacity, most, sizeof *build->rules)) {
            return false;
        }
        total += gather_rules(build, source, edge);
    }
    graph->implied_begin = otr_graph_allocate(graph, (size_t)edges + 1, sizeof *graph->implied_begin);
    graph->implied_edge = otr_graph_allocate(graph, total, sizeof *graph->implied_edge);
    graph->are_rules_sure = history->are_rules_sure;
    graph->implied_weight = otr_graph_allocate(graph, total, sizeof *graph->implied_weight);
    graph->rules = otr_graph_allocate(graph, total, sizeof *graph->rules);
    if (graph->implied_begin == NULL || graph->implied_edge == NULL || graph->implied_weight == NULL ||
        graph->rules == NULL) {
        return false;
    }
    for (uint32_t edge = 0; edge < edges; edge++) {
        const uint32_t begin = graph->implied_begin[edge];
        const size_t count = gather_rules(build, source_of(build->window, edge), edge);
        for (size_t i = 0; i < count; i++) {
            graph->implied_edge[begin + i] = build->rules[i].edge;
            graph->implied_weight[begin + i] = build->rules[i].weight;
            graph->rules[begin + i] = otr_rule_for(graph, build->rules[i].edge);
        }
        graph->implied_begin[edge + 1] = begin + (uint32_t)count;
    }
    return true;
}

/* Sets all that follows from the history's numbers. False when memory is out. */
static bool set_numbers(window_build *build) {
    otr_window *const window = build->window;
    if (!allocate_numbers(window)) {
        return false;
    }
    window->graph->scale = window->history->scale;
    window->marks_max = window->outward_count;
    for (uint32_t edge = 0; edge < window->graph->edge_count; edge++) {
        set_edge(window, edge);
    }
    return lay_out_rules(build);
}
