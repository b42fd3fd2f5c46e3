// What the studio does with pictures, in a page of its own. All of them travel as data: URLs.
const read = async (url) => {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return picture;
};

// 'willReadFrequently' keeps a picture in memory, where it is the same with any graphics card.
const canvasOf = (width, height) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  return [canvas, canvas.getContext('2d', {willReadFrequently: true})];
};

const kept = (canvas) => canvas.toDataURL('image/webp', 0.6);

globalThis.smaller = async (url) => {
  const picture = await read(url);
  const [canvas, pen] = canvasOf(Math.round(picture.width / 2), Math.round(picture.height / 2));
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return kept(canvas);
};

// The mean colour of every piece that is `wide` by `high` pixels, row by row; what is left at the edges is left out.
globalThis.means = async ([url, wide, high]) => {
  const picture = await read(url);
  const [, pen] = canvasOf(picture.width, picture.height);
  pen.drawImage(picture, 0, 0);
  const {data} = pen.getImageData(0, 0, picture.width, picture.height);
  const rows = [];
  for (let y = 0; y + high <= picture.height; y += high) {
    const row = [];
    for (let x = 0; x + wide <= picture.width; x += wide) {
      const sum = [0, 0, 0];
      for (let dy = 0; dy < high; dy++)
        for (let dx = 0; dx < wide; dx++)
          for (let c = 0; c < 3; c++) sum[c] += data[4 * ((y + dy) * picture.width + x + dx) + c];
      row.push(sum.map((each) => each / (wide * high)));
    }
    rows.push(row);
  }
  return rows;
};

// The picture, pale, with these cells in red.
globalThis.marked = async ([url, cells, side]) => {
  const picture = await read(url);
  const [canvas, pen] = canvasOf(picture.width, picture.height);
  pen.fillStyle = '#ffffff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.globalAlpha = 0.4;
  pen.drawImage(picture, 0, 0);
  pen.fillStyle = '#d00000';
  for (const [x, y] of cells) pen.fillRect(x * side, y * side, side, side);
  return kept(canvas);
};
