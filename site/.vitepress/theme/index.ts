// Appearance of the site: VitePress's own theme, in the colours of the lab, with room for wide tables and formulas. The first
// page shows the lab.

import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { h } from 'vue';
import picture from '../../../docs/images/lab-an-hour.png';
import './style.css';

const WORDS = 'The lab an hour after programming: the accuracy of the chip has fallen, and images flip';

export default {
  extends: DefaultTheme,
  Layout: () =>
    h(DefaultTheme.Layout, null, {
      'home-hero-image': () => h('img', { class: 'image-src', src: picture, alt: WORDS }),
    }),
} satisfies Theme;
