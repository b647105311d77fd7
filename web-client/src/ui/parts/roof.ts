/** The roof of a communal house: an SVG path, 24 wide and 14 high. */
export const ROOF = "M0 7.500c4-.6 8-3.200 12-7.500 4 4.300 8 6.900 12 7.500-1 1.600-2.600 2.300-4.500 2.100v4.400h-3v-4h-9v4h-3v-4.400c-1.900.2-3.500-.5-4.500-2.100z";
