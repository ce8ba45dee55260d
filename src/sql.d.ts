/** `.sql` files are text modules in wrangler's default rules. */
declare module "*.sql" {
  const text: string;
  export default text;
}
