/* How an event network sees a lattice: its shape without weights, and the classes of pairs of near events
 * that follow from it. */
#ifndef OTR_EVENT_CLASSES_H
#define OTR_EVENT_CLASSES_H

#include "outrider/event_network.h"
#include "predecode/lattice.h"

/* No slot, no relation. */
#define OTR_EVENT_NO_SLOT UINT8_MAX
#define OTR_EVENT_NO_RELATION UINT32_MAX

/* Which events are near, and which edges a network scores. */
typedef struct otr_event_layout {
    uint32_t radius;
    uint32_t set_count, slot_count, relation_count;
    otr_lattice_rule rule;
    uint8_t set_of_kind[OTR_LATTICE_KINDS_MAX];
    otr_slot *slots; /* [set][slot] */
} otr_event_layout;

/* What two near events are to each other. Pairs of one class use the same two relations, one each way, and
 * every relation belongs to one class or a few. */
typedef struct otr_event_class {
    uint32_t relations[2]; /* set * R + relation, as the first and as the second event sees the pair */
    uint8_t slots[2];      /* that name the edge between them at either event, or OTR_EVENT_NO_SLOT */
} otr_event_class;

/* All classes of pairs that a lattice can have. Classes that exchange messages come first; then slots beyond
 * the radius, among them a class without slots for pairs that only other kinds look for. */
typedef struct otr_event_classes {
    otr_offset *offsets; /* as otr_neighbours_init wants them */
    uint32_t offset_count;
    uint16_t *codes;
    otr_event_class *classes;
    uint32_t message_count;
    uint32_t count;
} otr_event_classes;

/* Offsets of the neighbourhood of a radius. */
uint32_t otr_event_relation_count(uint32_t radius);

/* The number of an offset in it, or OTR_EVENT_NO_RELATION. */
uint32_t otr_event_relation(uint32_t radius, otr_offset offset);

/* Finds the classes of a layout. OTR_ERR_MEMORY. */
otr_status otr_event_classes_init(otr_event_classes *classes, const otr_event_layout *layout);
void otr_event_classes_free(otr_event_classes *classes);

#endif
