// The form of what measurements take, beside what train/options-schema.ts knows: a trained network, a label, groups. Hardware
// and settings have schemas of their own.

import { z } from 'zod';
import { holding } from '../base/schema.ts';
import { networkForm, optionsForm, tensorsForm } from '../train/options-schema.ts';
import { provenanceSchema } from '../train/provenance.ts';

const measured = {
  trained: holding('a trained network', { parameters: tensorsForm, provenance: provenanceSchema }),
  label: z.string(),
};
const groups = z.array(z.string()).optional();
const evaluation = holding('settings of an evaluation', {}).optional();

/** Form of `DeploymentOptions`. */
export const deploymentForm: z.ZodType = optionsForm({ parameters: tensorsForm, evaluation });

/** Form of `EvaluateOptions`. */
export const evaluateForm: z.ZodType = optionsForm({ ...measured, evaluation });

/** Form of `AttributeOptions`. */
export const attributeForm: z.ZodType = optionsForm({ ...measured, groups, evaluation });

/** Form of what the variants of an attribution depend on. */
export const variantForm: z.ZodType = holding('options', { network: networkForm, groups });
