/** What nobody sees before a click: a chunk of its own, fetched as soon as the board is drawn. */

export { ExportDialog } from '../transfer/ExportDialog';
export { BoardMenu } from './BoardMenu';
export { Closed } from './Closed';
export { Help } from './Help';
export { Me } from './Me';
export { ShapeMenu } from './ShapeMenu';
export { Share } from './Share';
export { Colours, Lines, Words } from './style-choices';
export { ZoomMenu } from './ZoomMenu';
