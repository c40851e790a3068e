/* SPDX-License-Identifier: GPL-2.0 */
/* Nothing more is made of a trace header here. */
